"""The text of one outermost function as it stands after some edits, and the functions to be found in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.analysis.scope import names_in
from dean_airflow.evolution.edits.module import Definition, Module
from dean_airflow.evolution.edits.positions import Positions
from dean_airflow.evolution.edits.project import Project


@dataclass(frozen=True)
class Unit:
    """What a transformation works on: small enough to parse again after every edit (about 1 ms per 100 lines).

    `text` is whole lines, indented as in the file; `header` are module-level statements to run before the top-level
    statement that holds the function (hoisted constants, imports), in order. Facts about the module are those of
    the baseline: edits never rebind or remove what the module level binds. `project` and `path` say where it stands.
    """

    module: Module
    definition: Definition
    project: Project
    path: str
    text: str
    header: tuple[str, ...] = ()

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(module: Module, definition: Definition, project: Project, path: str) -> Unit:
        """The unit before any edit. The same arguments give the same object."""
        return Unit(module, definition, project, path, module.text[definition.start : definition.end])

    @cached_property
    def _wrapped(self) -> bool:
        return self.text[:1] in (" ", "\t", "\f")

    @property
    def parsed_text(self) -> str:
        """What the parser sees: an indented unit is the body of an `if`."""
        return "if 1:\n" + self.text if self._wrapped else self.text

    @cached_property
    def tree(self) -> ast.Module:
        """Raises EditError when the text does not parse."""
        try:
            tree = ast.parse(self.parsed_text)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise EditError(f"{self.definition.qualname} does not parse after the edit: {error}.") from error
        if self._wrapped:
            assert isinstance(tree.body[0], ast.If)
            tree.body = tree.body[0].body
        return tree

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.text, first_line=2 if self._wrapped else 1)

    @cached_property
    def taken(self) -> frozenset[str]:
        """Names a fresh one must differ from."""
        header = (ast.parse(statement) for statement in self.header)
        return self.module.identifiers | names_in([self.tree, *header])

    @cached_property
    def nonlocal_names(self) -> frozenset[str]:
        """Names some nested function may rebind in the functions around it."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, ast.Nonlocal))
        return frozenset(name for node in nodes for name in node.names)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def nodes(self, function: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """The definitions with this qualified name (of the whole file), in source order."""
        inner = function.removeprefix(self.definition.qualname).removeprefix(".<locals>.")
        outermost = self.tree.body[0]
        assert isinstance(outermost, ast.FunctionDef | ast.AsyncFunctionDef)
        if not inner:
            yield outermost
        else:
            yield from _inner(outermost, inner)


def _inner(node: ast.AST, path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions defined in a node's body by their path from there (`g`, `K.m`, `g.<locals>.h`)."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if path == child.name:
                yield child
            elif path.startswith(child.name + ".<locals>."):
                yield from _inner(child, path.removeprefix(child.name + ".<locals>."))
        elif isinstance(child, ast.ClassDef):
            if path.startswith(child.name + "."):
                yield from _inner(child, path.removeprefix(child.name + "."))
        else:
            yield from _inner(child, path)
