"""Calls whose target is known behind a guard: a method of the class itself, or a callable left at its default."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dean_airflow.evolution.edits.analysis.facts import Facts, substitute_all
from dean_airflow.evolution.edits.analysis.residual import Residual
from dean_airflow.evolution.edits.analysis.values import as_expression, is_tied_to_its_class
from dean_airflow.evolution.edits.function import Function, functions_in
from dean_airflow.evolution.edits.project import Found, Method
from dean_airflow.evolution.edits.unit import Unit

_LARGEST = 40


@dataclass(frozen=True)
class Target:
    """`method` is what the callee is whenever it is the object that the expression `identity` names."""

    method: Method
    identity: str


@dataclass(frozen=True)
class Specialised:
    """What a call returns where its guard holds. `tests` are the guard's conditions on the arguments."""

    identity: str
    tests: tuple[str, ...]
    value: ast.expr

    def conditional(self, call: ast.Call, callee: str | None = None) -> ast.expr:
        """`value if callee is identity and tests else call`."""
        guard = " and ".join([f"{callee or ast.unparse(call.func)} is {self.identity}", *self.tests])
        return ast.IfExp(ast.parse(guard, mode="eval").body, self.value, call)


def specialise(function: Function, call: ast.Call, types: Mapping[str, str] | None = None) -> Specialised | None:
    """What a call on variables and constants returns when its target is the known one: its body reduced to one
    expression, for any arguments or for exact strings. `types` are exact types known of variables already. None when
    the target is not known or is more than choices and returns."""
    if call.keywords or not all(isinstance(argument, ast.Name | ast.Constant) for argument in call.args):
        return None
    target = target_of(function, call.func)
    if target is None:
        return None
    names = [f"_argument_{number}" for number in range(len(call.args))]
    known = {
        name: (types or {}).get(argument.id, "") if isinstance(argument, ast.Name) else type(argument.value).__name__
        for name, argument in zip(names, call.args, strict=True)
        if isinstance(argument, ast.Name | ast.Constant)
    }
    for assumed in ("", "str"):
        facts = {name: kind or assumed for name, kind in known.items() if kind or assumed}
        value = _value(target.method, function, names, facts)
        if value is None:
            continue
        tests = tuple(
            f"type({argument.id}) is {assumed}"
            for name, argument in zip(names, call.args, strict=True)
            if assumed and not known[name] and isinstance(argument, ast.Name)
        )
        if tests and not (function.is_builtin("type") and function.is_builtin("str")):
            return None
        arguments = dict(zip(names, call.args, strict=True))
        result = substitute_all(value, arguments)
        return None if result is None else Specialised(target.identity, tests, result)
    return None


def target_of(function: Function, callee: ast.expr) -> Target | None:
    """For `self.name` in a method of a top-level class whose bases are all in the project: the static method of that
    name, or the static method that the attribute is set to by default."""
    if not isinstance(callee, ast.Attribute) or not isinstance(callee.value, ast.Name):
        return None
    parameters = function.node.args
    first = (parameters.posonlyargs + parameters.args)[:1]
    owner = own_class(function)
    if not first or callee.value.id != first[0].arg or owner is None or function.node.decorator_list:
        return None
    if callee.value.id in function.scope.bindings or callee.value.id in function.unit.nonlocal_names:
        return None
    project = function.unit.project
    lineage = project.lineage(function.unit.path, owner)
    if lineage is None or not project.is_plain(lineage) or not function.is_global(owner.name):
        return None
    if project.is_class_attribute(lineage, callee.attr):
        method = project.method(function.unit.path, owner, callee.attr)
        if method is None or not method.is_static or _is_set(lineage, callee.attr):
            return None
        return Target(method, f"{owner.name}.{callee.attr}")
    for default in _defaults(lineage, callee.attr):
        method = project.method(function.unit.path, owner, default)
        if method is not None and method.is_static and not _is_set(lineage, default):
            return Target(method, f"{owner.name}.{default}")
    return None


def own_class(function: Function) -> ast.ClassDef | None:
    """The top-level class whose method the function is."""
    name, _, method = function.qualname.partition(".")
    node = function.module.binding_of(name) if method and "." not in method else None
    return node if isinstance(node, ast.ClassDef) else None


def _defaults(lineage: tuple[Found, ...], attribute: str) -> Iterator[str]:
    """Names of methods an instance attribute is set to where nothing else is given:
    `self.attribute = given or self.method`, or the plain `self.attribute = self.method`."""
    for value in _values_set(lineage, attribute):
        match value:
            case ast.BoolOp(op=ast.Or(), values=[_, ast.Attribute(value=ast.Name(), attr=name)]):
                yield name
            case ast.Attribute(value=ast.Name(), attr=name):
                yield name
            case ast.IfExp(orelse=ast.Attribute(value=ast.Name(), attr=name)):
                yield name
            case ast.IfExp(body=ast.Attribute(value=ast.Name(), attr=name)):
                yield name


def _is_set(lineage: tuple[Found, ...], attribute: str) -> bool:
    return any(True for _ in _values_set(lineage, attribute))


def _values_set(lineage: tuple[Found, ...], attribute: str) -> Iterator[ast.expr | None]:
    for found in lineage:
        for node in ast.walk(found.node):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Attribute) and target.attr == attribute:
                        yield node.value


def _value(method: Method, caller: Function, names: list[str], types: dict[str, str]) -> ast.expr | None:
    """The method's value for arguments of these names and types, as an expression over them and built-ins."""
    callee = _function_of(method, caller)
    parameters = method.node.args
    if callee is None or parameters.kwonlyargs or parameters.kwarg or parameters.defaults:
        return None
    plain = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    facts = Facts(callee, types=dict(types))
    if parameters.vararg is not None:
        if plain or len(names) != 2:
            return None
        facts.pairs[parameters.vararg.arg] = (names[0], names[1])
        body = callee.body
    else:
        if len(plain) != len(names):
            return None
        body = _renamed(callee.body, dict(zip(plain, names, strict=True)))
    value = as_expression(Residual(facts, depth=99).block(body))
    if value is None or sum(1 for _ in ast.walk(value)) > _LARGEST:
        return None
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id not in names:
            if not (callee.is_builtin(node.id) and caller.is_builtin(node.id)):
                return None
        elif isinstance(node, ast.Lambda | ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return None
        if is_tied_to_its_class(node):
            return None
    return value


def _function_of(method: Method, caller: Function) -> Function | None:
    module = method.found.module
    qualname = f"{method.owner.name}.{method.node.name}"
    for definition in module.definitions.get(qualname, ()):
        if definition.node is method.node:
            unit = Unit.of(module, definition, caller.unit.project, method.found.path)
            return next(functions_in(unit, qualname), None)
    return None


def _renamed(body: list[ast.stmt], names: dict[str, str]) -> list[ast.stmt]:
    """Copies with parameters renamed (the bodies that matter here bind nothing)."""
    tree = ast.parse("\n".join(ast.unparse(statement) for statement in body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            node.id = names[node.id]
    return tree.body
