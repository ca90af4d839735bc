"""A function as a transformation sees it: its nodes, its scope, and what its names are known to mean."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TypeGuard

from dean_airflow.evolution.edits.analysis.scope import (
    COMPREHENSIONS,
    FunctionNode,
    Scope,
    own_nodes,
    scope_of,
)
from dean_airflow.evolution.edits.unit import Unit

_INTROSPECTION = frozenset({"locals", "vars", "dir", "eval", "exec", "globals", "_getframe", "currentframe"})


class Function:
    """One definition inside a unit. Nodes belong to the unit's tree; offsets are into the unit's text."""

    def __init__(self, unit: Unit, node: FunctionNode, qualname: str) -> None:
        self.unit = unit
        self.module = unit.module
        self.node = node
        self.qualname = qualname

    @cached_property
    def scope(self) -> Scope:
        return scope_of(self.node)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """What the function itself evaluates, in source order (comprehensions included, nested functions not)."""
        return tuple(own_nodes(self.node.body))

    @cached_property
    def enclosing(self) -> tuple[Scope, ...]:
        """Scopes of the functions around this one, innermost first."""
        scopes = []
        node: ast.AST | None = self.unit.parents.get(self.node)
        while node is not None:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                scopes.append(scope_of(node))
            node = self.unit.parents.get(node)
        return tuple(scopes)

    @cached_property
    def looks_at_itself(self) -> bool:
        """Whether it may read its own frame (`locals()`, `eval`, ...), so that even a new local name would show."""
        return any(
            (isinstance(node, ast.Name) and node.id in _INTROSPECTION)
            or (isinstance(node, ast.Attribute) and node.attr in _INTROSPECTION)
            for node in ast.walk(self.node)
        )

    @cached_property
    def is_generator(self) -> bool:
        return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in self.nodes)

    # what a name means

    def is_global(self, name: str) -> bool:
        """The name is looked up in the module here: no function around binds it."""
        if name in self.scope.declared_global:
            return True
        return not self.scope.is_local(name) and not any(
            name in scope.bindings or name in scope.parameters for scope in self.enclosing
        )

    def is_builtin(self, name: str) -> bool:
        return self.is_global(name) and name not in self.scope.declared_global and self.module.is_builtin(name)

    def is_builtin_call(self, node: ast.AST | None, *names: str) -> TypeGuard[ast.Call]:
        """A call of one of the built-ins by its own name."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in names
            and self.is_builtin(node.func.id)
        )

    def is_module(self, node: ast.AST, dotted: str, before_top: bool = False) -> bool:
        """The node is a global name that surely is this imported module; with `before_top`, imported early enough
        for module-level statements put before this function."""
        return (
            isinstance(node, ast.Name)
            and self.is_global(node.id)
            and self.module.imported_module(node.id, self.unit.definition.top_line if before_top else None) == dotted
        )

    def global_value(self, node: ast.AST) -> ast.expr | None:
        """What a global bound once, by a plain assignment above the statement that holds this function, is bound to;
        None for anything else."""
        if not isinstance(node, ast.Name) or not self.is_global(node.id):
            return None
        binding = self.module.binding_of(node.id)
        if not isinstance(binding, ast.Name):
            return None
        if not self.module.is_above(binding, self.unit.definition.top_line):
            return None
        statement = self.module.statement_of(binding)
        if isinstance(statement, ast.Assign) and statement.targets == [binding]:
            return statement.value
        return statement.value if isinstance(statement, ast.AnnAssign) else None

    def is_private(self, name: str) -> bool:
        """A local variable no nested scope shares."""
        return self.scope.is_private(name)

    def is_variable(self, node: ast.AST) -> TypeGuard[ast.Name]:
        """A name of this function or of a comprehension around the node, which nobody else can rebind: reading it
        has no effect, and reading it again gives the same unless this function's own statements intervene."""
        if not isinstance(node, ast.Name) or node.id in self.unit.nonlocal_names:
            return False
        if self.scope.is_local(node.id):
            return True
        return node.id in self.comprehension_names(node)

    def is_fixed(self, node: ast.AST) -> bool:
        """Evaluating it has no effect and cannot fail but for a name not bound yet: a constant, a variable, a
        built-in, or a global bound once by a plain top-level statement."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return isinstance(node.operand, ast.Constant)
        if isinstance(node, ast.Constant) or self.is_variable(node):
            return True
        return (
            isinstance(node, ast.Name)
            and self.is_global(node.id)
            and (self.is_builtin(node.id) or self.module.binding_of(node.id) is not None)
        )

    # where a node stands

    def parent(self, node: ast.AST) -> ast.AST:
        return self.unit.parents[node]

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The innermost statement holding the node."""
        while not isinstance(node, ast.stmt):
            node = self.unit.parents[node]
        return node

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """From the parent up to the function's own node; none for a node made anew."""
        while node is not self.node and node in self.unit.parents:
            node = self.unit.parents[node]
            yield node

    def in_nested_scope(self, node: ast.AST) -> bool:
        """Inside a comprehension (whose variables the function's statements do not see)."""
        return any(isinstance(ancestor, COMPREHENSIONS) for ancestor in self.ancestors(node))

    def comprehension_names(self, node: ast.AST) -> set[str]:
        """Variables of the comprehensions around a node."""
        return {
            part.id
            for ancestor in self.ancestors(node)
            if isinstance(ancestor, COMPREHENSIONS)
            for generator in ancestor.generators
            for part in ast.walk(generator.target)
            if isinstance(part, ast.Name)
        }

    def in_loop(self, node: ast.AST) -> bool:
        return any(isinstance(ancestor, ast.For | ast.While | ast.AsyncFor) for ancestor in self.ancestors(node))

    def block_of(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements the statement is in."""
        parent = self.unit.parents[statement]
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, [])
            if isinstance(block, list) and statement in block:
                return block
        return [statement]

    def starts_line(self, statement: ast.stmt) -> bool:
        """Nothing but indentation before it: statements may be inserted above (never so for `elif`)."""
        start, _ = self.unit.positions.span(statement)
        if isinstance(statement, ast.If) and self.unit.text.startswith("elif", start):
            return False
        before = self.unit.text[self.unit.positions.line_start_at(start) : start]
        return not before.strip(" \t\f") and not self._continues(statement)

    def owns_lines(self, statement: ast.stmt) -> bool:
        """It starts its line and no other statement follows on its last one."""
        _, end = self.unit.positions.span(statement)
        rest = self.unit.text[end:].split("\n", 1)[0].split("\r", 1)[0].strip(" \t\f")
        return self.starts_line(statement) and (not rest or rest.startswith("#"))

    @property
    def body(self) -> list[ast.stmt]:
        """The statements after the docstring."""
        first = self.node.body[0]
        documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        return self.node.body[1:] if documented else self.node.body

    def source(self, node: ast.AST) -> str:
        start, end = self.unit.positions.span(node)
        return self.unit.text[start:end]

    def indent_of(self, statement: ast.stmt) -> str:
        start, _ = self.unit.positions.span(statement)
        return self.unit.text[self.unit.positions.line_start_at(start) : start]

    @cached_property
    def indent_step(self) -> str:
        """What one more level of indentation looks like in this function."""
        outer, inner = self.indent_of(self.node), self.indent_of(self.node.body[0])
        return inner.removeprefix(outer) if inner.startswith(outer) and not inner.strip() else "    "

    def _continues(self, statement: ast.stmt) -> bool:
        """The physical line starts inside an earlier statement (a backslash, or a string's last line)."""
        start, _ = self.unit.positions.span(statement)
        before = self.unit.text[: self.unit.positions.line_start_at(start)].rstrip("\r\n")
        return before.endswith("\\")


def functions_in(unit: Unit, qualname: str) -> Iterator[Function]:
    """The functions of this (whole-file) qualified name in a unit, in source order."""
    for node in unit.nodes(qualname):
        yield Function(unit, node, qualname)
