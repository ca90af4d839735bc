"""YAML (and JSON, which is YAML but for its duplicates) as nodes that know their lines.

Hostile files end as one problem: aliases that multiply beyond a bound, anchors that contain themselves, syntax errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place, Problem

MAX_NODES = 100_000
"""Values of one file after aliases are written out; a compose file of 50 services has some 3 000."""

MAX_DEPTH = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = yaml.SafeLoader("")
_BEGINS_EARLIER = re.compile(
    r"scanning a quoted scalar|parsing a flow|scanning a simple key|scanning an? (alias|anchor)"
)


@dataclass
class Document:
    """What a file holds: the first document's root (None where it is empty or broken), and what is wrong with it."""

    root: Node | None
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False


class _TooMuch(Exception):
    def __init__(self, line: int, what: str) -> None:
        self.line, self.what = line, what


def parse_yaml(source: Source) -> Document:
    """Reads one file; never raises."""
    try:
        composed = _first_document(source.text)
    except yaml.YAMLError as error:
        line, what = _explain(error, source)
        return Document(None, [Problem("M04", source.at(line), what)], broken=True)
    except RecursionError:
        return Document(None, [Problem("M04", source.at(), f"{source.name} is nested too deeply.")], broken=True)
    if composed is None:
        return Document(None)
    conversion = _Conversion(source)
    try:
        conversion.measure(composed, 0)
        return Document(conversion.node(composed), conversion.problems)
    except _TooMuch as refusal:
        return Document(None, [Problem("M04", source.at(refusal.line), refusal.what)], broken=True)


def _first_document(text: str) -> Any:
    loader = _LOADER(text)
    try:
        return loader.get_node() if loader.check_node() else None
    finally:
        loader.dispose()


def _explain(error: yaml.YAMLError, source: Source) -> tuple[int | None, str]:
    """The line to look at and a sentence. The pure parser's marks are exacter, so it has the last word."""
    try:
        loader = yaml.SafeLoader(source.text)
        loader.get_node() if loader.check_node() else None
    except yaml.YAMLError as second:
        error = second
    if not isinstance(error, yaml.MarkedYAMLError):
        return None, f"{source.name} is not YAML: {' '.join(str(error).split())}."
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and _BEGINS_EARLIER.search(error.context or ""):
        mark = error.context_mark
    last = source.text.rstrip("\n").count("\n")
    line = min(mark.line if mark else 0, last) + 1
    problem = error.problem_mark or mark
    for candidate in {line, (problem.line if problem else 0) + 1}:
        written = source.lines[candidate - 1] if candidate <= len(source.lines) else ""
        if "\t" in written[: len(written) - len(written.lstrip())]:
            return candidate, f"Line {candidate} of {source.name} is indented with a tab; YAML allows spaces only."
    reason = " ".join(part for part in (error.context, error.problem) if part)
    return line, f"{source.name} is not YAML: {reason}."


class _Conversion:
    """From PyYAML's nodes to ours. What an alias names is converted once and shared."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._done: dict[int, Node] = {}
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def measure(self, node: Any, depth: int) -> int:
        """How many values the node has with its aliases written out. Raises _TooMuch beyond the bounds."""
        if id(node) in self._open:
            raise _TooMuch(self._line(node), f"An anchor of {self.source.name} contains itself.")
        if id(node) in self._sizes:
            return self._sizes[id(node)]
        if depth > MAX_DEPTH:
            raise _TooMuch(self._line(node), f"{self.source.name} is nested more than {MAX_DEPTH} levels deep.")
        size = 1
        if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            self._open.add(id(node))
            for child in node.value:
                for part in child if isinstance(child, tuple) else (child,):
                    size += self.measure(part, depth + 1)
            self._open.discard(id(node))
        if size > MAX_NODES:
            raise _TooMuch(self._line(node), f"{self.source.name} grows beyond {MAX_NODES} values (aliases multiply).")
        self._sizes[id(node)] = size
        return size

    def node(self, node: Any) -> Node:
        if id(node) not in self._done:
            self._done[id(node)] = self._convert(node)
        return self._done[id(node)]

    def _convert(self, node: Any) -> Node:
        tag = node.tag if node.tag.startswith("!") else ""
        place = self._place(node)
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node), place, tag=tag)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.node(child) for child in node.value], place, tag=tag)
        return Node(self._scalar(node), place, tag=tag, raw=node.value)

    def _mapping(self, node: Any) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, child in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                self._merge(child, merged)
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem("M04", self._place(key), f"{self.source.name} has a key that is no name."))
                continue
            name = str(key.value)
            if name in own:
                what = f"`{name}` stands twice in one mapping of {self.source.name}; the first is lost."
                self.problems.append(Problem("M05", self._place(key), what))
            value = self.node(child)
            own[name] = Node(value.value, value.place, self._place(key), value.tag, value.raw)
        return {**merged, **own}

    def _merge(self, child: Any, merged: dict[str, Node]) -> None:
        for part in child.value if isinstance(child, yaml.SequenceNode) else [child]:
            for name, value in self.node(part).items():
                merged.setdefault(name, value)

    def _scalar(self, node: Any) -> Any:
        """As YAML 1.2 reads it, which compose does: `22:22`, `1_000`, `yes` and dates are texts."""
        kind = node.tag.rpartition(":")[2]
        if kind == "bool" and node.value.lower() not in ("true", "false"):
            return node.value
        if kind in ("int", "float") and (":" in node.value or "_" in node.value):
            return node.value
        try:
            return _RESOLVER.construct_object(node) if kind in ("null", "bool", "int", "float") else node.value
        except (yaml.YAMLError, ValueError, OverflowError):
            return node.value

    def _place(self, node: Any) -> Place:
        return self.source.at(self._line(node))

    def _line(self, node: Any) -> int:
        """Folded and literal scalars begin on the line after their indicator; the indicator's line is theirs."""
        return int(node.start_mark.line) + 1
