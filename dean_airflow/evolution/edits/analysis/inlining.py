"""What a call of a known function amounts to as statements: its body with the arguments put in."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dean_airflow.evolution.edits.analysis.facts import terminates
from dean_airflow.evolution.edits.analysis.scope import COMPREHENSIONS, Scope, names_in, scope_of
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.project import Found

MOST_STATEMENTS = 25

_FORBIDDEN = (
    ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Yield, ast.YieldFrom, ast.Await,
    ast.Global, ast.Nonlocal, ast.NamedExpr, ast.AsyncFor, ast.AsyncWith, ast.Import, ast.ImportFrom,
    ast.Delete, ast.Match,
)  # fmt: skip


@dataclass(frozen=True)
class Binding:
    """A parameter of the callee and the expression it gets; `given` is the position among what the call
    evaluates, -1 for a default."""

    name: str
    value: ast.expr
    given: int


def known_function(function: Function, callee: ast.expr) -> Found | None:
    """The undecorated module-level function of the project that a global name stands for; None where
    unsure."""
    if not isinstance(callee, ast.Name) or not function.is_global(callee.id):
        return None
    found = function.unit.project.find(function.unit.path, callee.id)
    if found is None or not isinstance(found.node, ast.FunctionDef) or found.node.decorator_list:
        return None
    return found


def bind_arguments(definition: ast.FunctionDef, call: ast.Call) -> list[Binding] | None:
    """The parameters in their order with what they get, as Python would bind them; None for stars, for a
    call that would fail, and for a default that is not a constant."""
    arguments = definition.args
    if arguments.vararg or arguments.kwarg or any(isinstance(part, ast.Starred) for part in call.args):
        return None
    plain = [*arguments.posonlyargs, *arguments.args]
    if len(call.args) > len(plain):
        return None
    given: dict[str, tuple[ast.expr, int]] = {}
    for position, value in enumerate(call.args):
        given[plain[position].arg] = value, position
    only_by_position = {parameter.arg for parameter in arguments.posonlyargs}
    for position, word in enumerate(call.keywords, len(call.args)):
        if word.arg is None or word.arg in given or word.arg in only_by_position:
            return None
        given[word.arg] = word.value, position
    defaults: dict[str, ast.expr | None] = {
        parameter.arg: default
        for parameter, default in zip(reversed(plain), reversed(arguments.defaults), strict=False)
    }
    defaults |= {
        parameter.arg: default for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    bindings = []
    for parameter in (*plain, *arguments.kwonlyargs):
        if parameter.arg in given:
            bindings.append(Binding(parameter.arg, *given.pop(parameter.arg)))
            continue
        default = defaults.get(parameter.arg)
        if not isinstance(default, ast.Constant):
            return None
        bindings.append(Binding(parameter.arg, default, -1))
    return None if given else bindings


class TailInliner:
    """`return callee(...)` as the callee's own statements, whose returns then are the caller's.

    `stable` tells names the caller can read any number of times and always find the same object during the
    call.
    """

    def __init__(self, function: Function, call: ast.Call, stable: Callable[[str], bool]) -> None:
        self._call = call
        self._stable = stable
        self._found = known_function(function, call.func)
        self._function = function

    def possible(self) -> bool:
        """Whether the callee is known and nothing in it would mean something else in the caller's place."""
        found = self._found
        if found is None or not isinstance(found.node, ast.FunctionDef):
            return False
        definition = found.node
        body = _body_of(definition)
        nodes = [node for statement in body for node in ast.walk(statement)]
        too_large = sum(isinstance(node, ast.stmt) for node in nodes) > MOST_STATEMENTS
        if too_large or any(_is_forbidden(node) for node in nodes) or self._is_around(found):
            return False
        if any(isinstance(node, ast.NamedExpr) for node in ast.walk(self._call)):
            return False
        bindings = bind_arguments(definition, self._call)
        if bindings is None:
            return False
        scope = scope_of(definition)
        inner = names_in(_targets_inside(nodes))
        own = scope.parameters | scope.bindings.keys()
        substituted = {binding.value.id for binding in bindings if isinstance(binding.value, ast.Name)}
        if inner & (own | substituted):
            return False
        return all(self._means_the_same(node, found, own | inner) for node in nodes if isinstance(node, ast.Name))

    def lines(self, fresh: Callable[[str], str]) -> list[str]:
        """The statements, arguments that need it computed first, in the call's order."""
        assert self._found is not None and isinstance(self._found.node, ast.FunctionDef)
        definition = self._found.node
        bindings = bind_arguments(definition, self._call)
        assert bindings is not None
        scope = scope_of(definition)
        values: dict[str, ast.expr] = {}
        prologue: list[tuple[int, str]] = []
        for binding in bindings:
            if binding.name not in scope.bindings and self._is_repeatable(binding.value):
                values[binding.name] = binding.value
                continue
            name = fresh(binding.name)
            values[binding.name] = ast.Name(name, ast.Load())
            prologue.append((binding.given, f"{name} = {ast.unparse(binding.value)}"))
        for name in scope.bindings:
            if name not in values:
                values[name] = ast.Name(fresh(name), ast.Load())
        body = _put_in(_body_of(definition), values)
        if not terminates(body):
            body.append(ast.Return(ast.Constant(None)))
        code = [ast.unparse(ast.fix_missing_locations(statement)) for statement in body]
        return [line for _, line in sorted(prologue)] + [line for text in code for line in text.split("\n")]

    def _is_repeatable(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and self._stable(value.id))

    def _is_around(self, found: Found) -> bool:
        """The caller is the callee, or nested in it."""
        unit = self._function.unit
        return found.path == unit.path and found.node is unit.definition.node

    def _means_the_same(self, node: ast.Name, found: Found, own: frozenset[str]) -> bool:
        if node.id in own:
            return True
        if found.path == self._function.unit.path:
            return self._function.is_global(node.id)
        return found.module.is_builtin(node.id) and self._function.is_builtin(node.id)


def never_rebound(name: str, scopes: Iterable[Scope], nonlocal_names: frozenset[str]) -> bool:
    """The innermost of the scopes that has the name has it as a parameter and never binds it anew."""
    for scope in scopes:
        if name in scope.parameters:
            return name not in scope.bindings and name not in nonlocal_names
        if name in scope.bindings or name in scope.declared_global or name in scope.declared_nonlocal:
            return False
    return False


def _is_forbidden(node: ast.AST) -> bool:
    """A scope or a binding that renaming would miss, or a string that would not survive indentation."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and "\n" in str(part.value) for part in ast.walk(node))
    return isinstance(node, _FORBIDDEN) or (isinstance(node, ast.ExceptHandler) and node.name is not None)


def _body_of(definition: ast.FunctionDef) -> list[ast.stmt]:
    first = definition.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return definition.body[1:] if documented else definition.body


def _targets_inside(nodes: list[ast.AST]) -> Iterator[ast.expr]:
    """What comprehensions among the nodes bind."""
    for node in nodes:
        if isinstance(node, COMPREHENSIONS):
            yield from (clause.target for clause in node.generators)


def _put_in(body: list[ast.stmt], values: dict[str, ast.expr]) -> list[ast.stmt]:
    """Copies of the statements with names replaced, and without what constants put in make unreachable."""
    return _folded([_Substitution(values).visit(copy.deepcopy(statement)) for statement in body])


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        if value is None:
            return node
        if isinstance(value, ast.Name):
            return ast.Name(value.id, node.ctx)
        return copy.deepcopy(value)


def _folded(body: list[ast.stmt]) -> list[ast.stmt]:
    remaining: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.If):
            truth = _truth(statement.test)
            if truth is not None:
                remaining += _folded(statement.body if truth else statement.orelse)
            else:
                statement.body = _folded(statement.body) or [ast.Pass()]
                statement.orelse = _folded(statement.orelse)
                remaining.append(statement)
        else:
            remaining.append(statement)
        if terminates(remaining):
            break
    return remaining


def _truth(test: ast.expr) -> bool | None:
    """The truth of a test that constants decide; None when they do not."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            truth = _truth(operand)
            return None if truth is None else not truth
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return left is None
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return left is not None
        case ast.BoolOp(op=operator, values=[first, *_]):
            # Only the first operand is sure to be evaluated, so only it may decide.
            truth = _truth(first)
            return truth if truth is isinstance(operator, ast.Or) else None
    return None
