"""Partial evaluation: what remains of statements once some facts about variables are known."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from typing import TypeVar

from dean_airflow.evolution.edits.analysis.facts import Facts, terminates
from dean_airflow.evolution.edits.analysis.scope import COMPREHENSIONS, bound_names
from dean_airflow.evolution.edits.analysis.types import type_of
from dean_airflow.evolution.edits.analysis.values import bind_arguments, value_of_body

_Value = TypeVar("_Value")
_DEEPEST_CALL = 3
_LARGEST_INLINED = 40
_MOST_UNROLLED = 8


class Residual:
    """Rewrites copies of statements under facts; the nodes given are not changed. `folds` counts what was decided.

    `calls` may write a call of an attribute on variables differently, given their exact types (None: it cannot)."""

    def __init__(
        self,
        facts: Facts,
        depth: int = 0,
        calls: Callable[[ast.Call, Mapping[str, str]], ast.expr | None] | None = None,
    ) -> None:
        self._calls = calls
        self.facts = facts
        self.function = facts.function
        self.folds = 0
        self._depth = depth

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """What remains of consecutive statements; what can no longer be reached is left out."""
        remaining: list[ast.stmt] = []
        for statement in body:
            remaining += self._statement(copy.deepcopy(statement))
            if terminates(remaining):
                break
        return remaining

    # statements

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        # what an expression binds may be read anywhere in the statement, before or after
        self.facts.forget({part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr)})
        match node:
            case ast.If():
                return self._if(node)
            case ast.Return(value=ast.expr() as value):
                node.value = self.expression(value)
                return [node]
            case ast.For():
                return self._for(node)
            case ast.Try():
                return self._try(node)
            case ast.While() | ast.With():
                self.facts.forget(bound_names([node]))
                node.body = self._inside(node.body)
                return [node]
            case ast.Assign(targets=[ast.Name(id=name)]):
                node.value = self.expression(node.value)
                kind = type_of(self.facts, node.value)
                self.facts.forget({name})
                if kind and self.function.scope.is_local(name) and name not in self.function.unit.nonlocal_names:
                    self.facts.types[name] = kind
                return [node]
            case ast.Assign() | ast.Expr() | ast.AugAssign() | ast.AnnAssign():
                if isinstance(node.value, ast.expr):
                    node.value = self.expression(node.value)
        self.facts.forget(bound_names([node]))
        return [node]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        test = self.expression(node.test, truth=True)
        if isinstance(test, ast.Constant):
            self.folds += 1
            return self.block(node.body if test.value else node.orelse)
        decided = _decided_at_last(test)
        if decided is not None:  # what comes before is still asked, for what asking may do
            self.folds += 1
            rest = self.block(node.body if decided else node.orelse)
            asked = test.values[:-1] if isinstance(test, ast.BoolOp) else []
            operator = test.op if isinstance(test, ast.BoolOp) else ast.And()
            left = asked[0] if len(asked) == 1 else ast.BoolOp(operator, asked)
            return [ast.If(left, [ast.Pass()], []), *rest]
        before = dict(self.facts.types), dict(self.facts.pairs)
        body = self.block(node.body)
        after_body = None if terminates(body) else (self.facts.types, self.facts.pairs)
        self.facts.types, self.facts.pairs = before
        orelse = self.block(node.orelse)
        if after_body is not None:
            self.facts.types = _common(self.facts.types, after_body[0])
            self.facts.pairs = _common(self.facts.pairs, after_body[1])
        if not body:
            body = [ast.Pass()]
        return [ast.If(test, body, orelse)]

    def _for(self, node: ast.For) -> list[ast.stmt]:
        elements = self.facts.iterated(node.iter)
        can_unroll = (
            elements is not None
            and not node.orelse
            and isinstance(node.target, ast.Name)
            and len(node.body) * len(elements) <= _MOST_UNROLLED
            and not any(
                isinstance(part, ast.Break | ast.Continue | ast.Yield | ast.Await)
                for statement in node.body
                for part in ast.walk(statement)
            )
        )
        bound = bound_names([node])
        if not can_unroll or elements is None or bound & {name for pair in self.facts.pairs.values() for name in pair}:
            node.iter = self.expression(node.iter)
            self.facts.forget(bound)
            node.body = self._inside(node.body)
            return [node]
        self.folds += 1
        unrolled: list[ast.stmt] = []
        for element in elements:
            unrolled.append(ast.Assign([copy.deepcopy(node.target)], element))
            self.facts.forget(bound)
            unrolled += self.block(node.body)
        return unrolled

    def _try(self, node: ast.Try) -> list[ast.stmt]:
        simple = not node.orelse and not node.finalbody
        if simple and not bound_names(node.body):
            body = self.block(node.body)
            if len(body) == 1 and isinstance(body[0], ast.Return) and self._cannot_fail(body[0].value):
                self.folds += 1
                return body
            if not bound_names([node]):
                node.body = body
                for handler in node.handlers:
                    handler.body = self.block(handler.body)
                return [node]
        self.facts.forget(bound_names([node]))
        return [node]

    def _inside(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """A body run any number of times: what it binds must be forgotten before. Facts after it are as before."""
        before = dict(self.facts.types), dict(self.facts.pairs)
        remaining = self.block(body) or [ast.Pass()]
        self.facts.types, self.facts.pairs = before
        return remaining

    # expressions

    def expression(self, node: ast.expr, truth: bool = False) -> ast.expr:
        """What remains of an expression; with `truth`, only whether it is true matters."""
        for _ in range(4):
            known = self.facts.about(node, truth)
            if known is None:
                break
            self.folds += 1
            node = known
        match node:
            case ast.BoolOp():
                return self._boolean(node, truth)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.expression(operand, truth=True)
                return ast.Constant(not inner.value) if isinstance(inner, ast.Constant) else ast.UnaryOp(node.op, inner)
            case ast.IfExp(test=test):
                decided = self.expression(test, truth=True)
                if isinstance(decided, ast.Constant):
                    return self.expression(node.body if decided.value else node.orelse, truth)
                return ast.IfExp(decided, self.expression(node.body, truth), self.expression(node.orelse, truth))
            case ast.Lambda() | ast.NamedExpr() | ast.Constant() | ast.Name() | ast.JoinedStr():
                return node
        if isinstance(node, COMPREHENSIONS):
            return node
        before = ast.dump(node)
        self._children(node)
        if isinstance(node, ast.Call):
            inlined = self._inlined(node, truth)
            if inlined is not None:
                return inlined
        return self.expression(node, truth) if ast.dump(node) != before else node

    def _children(self, node: ast.expr) -> None:
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, self.expression(value))
            elif isinstance(value, list):
                setattr(node, field, [self._part(item) for item in value])

    def _part(self, item: ast.AST) -> ast.AST:
        if isinstance(item, ast.keyword):
            item.value = self.expression(item.value)
        elif isinstance(item, ast.expr):
            return self.expression(item)
        return item

    def _boolean(self, node: ast.BoolOp, truth: bool) -> ast.expr:
        """The last value is the result; a decided one before it is either skipped or the result."""
        stops_at = isinstance(node.op, ast.Or)
        values: list[ast.expr] = []
        for number, value in enumerate(node.values):
            last = number == len(node.values) - 1
            simple = self.expression(value, truth=truth)
            if isinstance(simple, ast.Constant):
                if bool(simple.value) is stops_at:
                    values.append(simple)
                    break
                if not last or (truth and values):
                    continue
            values.append(simple)
        if len(values) == 1:
            return values[0]
        return ast.BoolOp(node.op, values)

    def _cannot_fail(self, node: ast.expr | None) -> bool:
        """Comparing strings for equality, and constants."""
        match node:
            case ast.Constant() | None:
                return True
            case ast.Compare(left=ast.Name(id=left), ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Name(id=right)]):
                return self.facts.types.get(left) == "str" == self.facts.types.get(right)
        return False

    def _is_fixed(self, node: ast.expr) -> bool:
        parts = {name for pair in self.facts.pairs.values() for name in pair}
        return (isinstance(node, ast.Name) and node.id in parts) or self.function.is_fixed(node)

    def _known_call(self, node: ast.Call) -> ast.expr | None:
        """A call of a method on the parts of a pair, as `calls` knows to write it."""
        parts = {name for pair in self.facts.pairs.values() for name in pair}
        if not self._calls or not node.args or hasattr(node, "is_guarded"):
            return None
        if not all(isinstance(value, ast.Name) and value.id in parts for value in node.args):
            return None
        written = self._calls(node, self.facts.types)
        node.is_guarded = True  # type: ignore[attr-defined]  # it stands in what was written, not to be written again
        return written

    def _inlined(self, node: ast.Call, truth: bool) -> ast.expr | None:
        """The value of a call of a small function of this module, if facts about the arguments decide something."""
        if isinstance(node.func, ast.Attribute):
            return self._known_call(node)
        if (
            self._depth >= _DEEPEST_CALL
            or not isinstance(node.func, ast.Name)
            or node.func.id == self.function.node.name
        ):
            return None
        mentioned = {part.id for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Name)}
        if not mentioned & {*self.facts.types, *self.facts.pairs} or not self.function.is_global(node.func.id):
            return None
        target = self.function.module.binding_of(node.func.id)
        if not isinstance(target, ast.FunctionDef):
            return None
        arguments = bind_arguments(target, node)
        if arguments is None or not all(self._is_fixed(value) for value in arguments.values()):
            return None
        inner = Residual(self.facts, self._depth + 1)
        value = value_of_body(self.function, target, arguments, inner.block)
        if value is None or not inner.folds or sum(1 for _ in ast.walk(value)) > _LARGEST_INLINED:
            return None
        self.folds += inner.folds
        return self.expression(value, truth)


def _decided_at_last(test: ast.expr) -> bool | None:
    """The truth of `... and False` or `... or True`; None for anything else."""
    if not isinstance(test, ast.BoolOp) or not isinstance(test.values[-1], ast.Constant):
        return None
    last = bool(test.values[-1].value)
    return last if last is isinstance(test.op, ast.Or) else None


def _common(first: dict[str, _Value], second: dict[str, _Value]) -> dict[str, _Value]:
    return {name: value for name, value in first.items() if second.get(name) == value}
