"""One file of the baseline, parsed once per content: where its functions are and what its top level binds."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.analysis.scope import FunctionNode, Scope, names_in, scope_of
from dean_airflow.evolution.edits.positions import Positions, newline_of

_NESTED_SCOPE = re.compile(r"(\.<locals>)?\.?<(lambda|genexpr|listcomp|setcomp|dictcomp)>.*$")


@dataclass(frozen=True)
class Definition:
    """An outermost function (a function or method not inside another function): whole lines of the file.

    `start` and `end` are character offsets (decorators and the last line's end included), `top` where module-level
    statements that must run before it go, `top_line` the line of the top-level statement holding it.
    """

    qualname: str
    node: FunctionNode
    start: int
    end: int
    top: int
    top_line: int


class Module:
    """A parsed file. Get one with `Module.of(text)`; the same text gives the same object."""

    def __init__(self, text: str) -> None:
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise EditError(f"The file does not parse: {error}.") from error
        self.text = text
        self.newline = newline_of(text)
        self.positions = Positions(text)

    @staticmethod
    def of(text: str) -> Module:
        """Raises EditError when the text is not Python."""
        return _parsed(text)

    @cached_property
    def definitions(self) -> dict[str, tuple[Definition, ...]]:
        """Outermost functions by qualified name; a name defined twice (a property's getter and setter) has two."""
        found: dict[str, list[Definition]] = {}
        for statement in self.tree.body:
            for qualname, node in _functions(statement, ""):
                found.setdefault(qualname, []).append(self._definition(qualname, node, statement))
        return {name: tuple(definitions) for name, definitions in found.items()}

    def resolve(self, function: str) -> str:
        """The qualified name of the function whose text holds this code object: comprehensions and lambdas belong
        to the function around them. The empty string is the module level."""
        return _NESTED_SCOPE.sub("", function) if "<" in function else function

    def outermost(self, function: str) -> tuple[Definition, ...]:
        """The definitions whose text holds a function. Raises EditError when there is none."""
        definitions = self.definitions.get(function.split(".<locals>.", 1)[0])
        if definitions is None:
            raise EditError(f"There is no function {function!r} here.")
        return definitions

    @cached_property
    def scope(self) -> Scope:
        return scope_of(self.tree)

    @cached_property
    def has_star_import(self) -> bool:
        return "*" in self.scope.bindings

    @cached_property
    def rebound_globals(self) -> frozenset[str]:
        """Names some function declares `global` (so that any call may rebind them)."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, ast.Global))
        return frozenset(name for node in nodes for name in node.names)

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every name the file uses, so that a fresh one can be chosen."""
        return frozenset(names_in([self.tree]))

    def is_builtin(self, name: str) -> bool:
        """The module level leaves the name to `builtins`.

        Assumes nobody sets the attribute on the module object from outside, and `builtins` is not patched."""
        return (
            hasattr(builtins, name)
            and name not in self.scope.bindings
            and name not in self.rebound_globals
            and not self.has_star_import
        )

    def binding_of(self, name: str) -> ast.AST | None:
        """The one node that binds a global, directly at the top level (not under `if` or `try`); None when it is
        bound more than once, conditionally, or rebound by a function."""
        nodes = self.scope.bindings.get(name, [])
        if len(nodes) != 1 or name in self.rebound_globals or self.has_star_import:
            return None
        return nodes[0] if nodes[0] in self._unconditional else None

    def is_above(self, binding: ast.AST, line: int) -> bool:
        """The top-level statement of a node `binding_of` gave is wholly above a line."""
        return (self._unconditional[binding].end_lineno or 0) < line

    def statement_of(self, binding: ast.AST) -> ast.stmt:
        """The top-level statement of a node `binding_of` gave."""
        return self._unconditional[binding]

    def imported_module(self, name: str, before_line: int | None = None) -> str | None:
        """The dotted module a global surely names (`import re`, `import os.path as p`), imported above a line."""
        node = self.binding_of(name)
        if not isinstance(node, ast.alias) or node not in self._plain_imports:
            return None
        if before_line is not None and not self.is_above(node, before_line):
            return None
        return node.name if node.asname else node.name.split(".")[0]

    def imported_name(self, name: str, before_line: int | None = None) -> tuple[str, str] | None:
        """`(module, attribute)` a global surely names through `from module import attribute` (absolute imports)."""
        node = self.binding_of(name)
        if not isinstance(node, ast.alias) or node in self._plain_imports:
            return None
        if before_line is not None and not self.is_above(node, before_line):
            return None
        statement = self._unconditional[node]
        if not isinstance(statement, ast.ImportFrom) or statement.level or statement.module is None:
            return None
        return statement.module, node.name

    @cached_property
    def _unconditional(self) -> dict[ast.AST, ast.stmt]:
        """Binding nodes of plain top-level statements → their statement."""
        found: dict[ast.AST, ast.stmt] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                found.update(dict.fromkeys(statement.names, statement))
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[statement] = statement
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                found.update((node, statement) for node in ast.walk(statement) if isinstance(node, ast.Name))
        return found

    @cached_property
    def _plain_imports(self) -> frozenset[ast.alias]:
        imports = (node for node in self.tree.body if isinstance(node, ast.Import))
        return frozenset(alias for node in imports for alias in node.names)

    def _definition(self, qualname: str, node: FunctionNode, statement: ast.stmt) -> Definition:
        return Definition(
            qualname,
            node,
            start=self.positions.line_start(_first_line(node)),
            end=self.positions.line_start((node.end_lineno or node.lineno) + 1),
            top=self._insertion_point(statement),
            top_line=_first_line(statement),
        )

    def _insertion_point(self, statement: ast.stmt) -> int:
        """Before the statement and the comment lines attached to it (a file's opening comments stay first)."""
        line = above = _first_line(statement)
        while above > 1 and self._line(above - 1).startswith("#"):
            above -= 1
        if above > 1:
            line = above
        return self.positions.line_start(line)

    def _line(self, number: int) -> str:
        return self.text[self.positions.line_start(number) : self.positions.line_start(number + 1)]


@lru_cache(maxsize=512)
def _parsed(text: str) -> Module:
    return Module(text)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, FunctionNode]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield prefix + node.name, node
        return
    if isinstance(node, ast.ClassDef):
        prefix += node.name + "."
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _functions(child, prefix)


def _first_line(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return node.lineno
