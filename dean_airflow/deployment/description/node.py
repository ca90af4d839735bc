"""A value of a YAML or JSON file that knows where it was written and which variables were filled into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.interpolation import Use


@dataclass(slots=True)
class Node:
    """`value` is a mapping of names to nodes, a list of nodes, or a scalar (text, number, boolean, None).

    `raw` is a scalar as written, before variables were filled in; `key` where the name stands that it is filed under.
    """

    value: Any
    place: Place
    key: Place | None = None
    tag: str = ""
    raw: str = ""
    uses: tuple[Use, ...] = field(default=())

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    @property
    def text(self) -> str:
        """A scalar as text the way compose writes it; empty for None, mappings and lists."""
        if self.value is None or isinstance(self.value, dict | list):
            return ""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return str(self.value)

    @property
    def named(self) -> Place:
        """Where its name stands, or itself where it has none."""
        return self.key or self.place

    def get(self, *names: str) -> Node | None:
        """What a path of names leads to, None where it ends early."""
        node: Node | None = self
        for name in names:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(name)
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """The pairs of a mapping; nothing for anything else."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def entries(self) -> Iterator[Node]:
        """The members of a list; a scalar is a list of one; nothing for a mapping or None."""
        if isinstance(self.value, list):
            yield from self.value
        elif self.value is not None and not isinstance(self.value, dict):
            yield self

    def words(self) -> list[str]:
        """The texts of a list, or of the one scalar."""
        return [entry.text for entry in self.entries()]

    def walk(self) -> Iterator[Node]:
        """It and everything below it."""
        yield self
        children = self.value.values() if isinstance(self.value, dict) else self.value
        if isinstance(self.value, dict | list):
            for child in children:
                yield from child.walk()

    def plain(self) -> Any:
        """The bare value, for where places do not matter."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def with_value(self, value: Any) -> Node:
        return replace(self, value=value)
