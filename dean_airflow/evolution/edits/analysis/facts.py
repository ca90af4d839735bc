"""What is known of a function's variables on a fast path, and what that makes of an expression."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field

from dean_airflow.evolution.edits.function import Function

SAMPLES: dict[str, object] = {
    "str": "", "int": 0, "float": 0.0, "bool": False, "bytes": b"", "list": [], "tuple": (), "dict": {},
    "NoneType": None,
}  # fmt: skip
"""Type name → an instance: the exact types a fast path can be made for."""

# Attributes a built-in type has gained or may gain from Python 3.11 on: their absence is not a fact.
_UNSTABLE_ATTRIBUTES = {
    "int": {"is_integer", "from_number"},
    "bool": {"is_integer", "from_number"},
    "float": {"from_number"},
    "bytes": {"__buffer__", "__release_buffer__"},
}


@dataclass
class Facts:
    """`types`: variable → name of its exact type (a key of `SAMPLES`). `pairs`: variable holding a tuple of two →
    the names of two variables holding its elements. Facts about a name end where it is bound again (`forget`)."""

    function: Function
    types: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)

    def forget(self, names: set[str]) -> None:
        self.types = {name: kind for name, kind in self.types.items() if name not in names}
        self.pairs = {name: pair for name, pair in self.pairs.items() if name not in names and not names & set(pair)}

    def about(self, node: ast.expr, truth: bool) -> ast.expr | None:
        """A simpler expression of the same value (of the same truth, where only that matters) and no other effect;
        None when nothing is known."""
        match node:
            case ast.Name(id=name):
                if truth and name in self.pairs:
                    return ast.Constant(True)
                if self.types.get(name) == "NoneType":
                    return ast.Constant(None)
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                return self._comparison(left, operator, right)
            case ast.Subscript(value=ast.Name(id=name), slice=index, ctx=ast.Load()) if name in self.pairs:
                return self._element(self.pairs[name], index)
            case ast.Call(keywords=[]):
                return self._call(node, truth)
            case ast.ListComp(generators=[clause]):
                elements = self.iterated(clause.iter)
                if elements and not clause.ifs and not clause.is_async:
                    parts = [substitute(node.elt, clause.target, element) for element in elements]
                    if all(parts):
                        return ast.List([part for part in parts if part], ast.Load())
        return None

    def iterated(self, node: ast.expr) -> list[ast.expr] | None:
        """What iterating an expression gives, where that is known."""
        match node:
            case ast.Name(id=name) if name in self.pairs:
                return [load(part) for part in self.pairs[name]]
            case ast.Subscript(
                value=ast.Name(id=name), slice=ast.Slice(lower=ast.Constant(value=1), upper=None, step=None)
            ) if name in self.pairs:
                return [load(self.pairs[name][1])]
            case ast.Call(args=[mapped, iterable], keywords=[]) if self.function.is_builtin_call(node, "map"):
                elements = self.iterated(iterable)
                if elements and isinstance(mapped, ast.Name) and self.function.is_builtin(mapped.id):
                    return [ast.Call(mapped, [element], []) for element in elements]
        return None

    # calls

    def _call(self, node: ast.Call, truth: bool) -> ast.expr | None:
        args = node.args
        if any(isinstance(argument, ast.Starred) for argument in args):
            spread: list[ast.expr] = []
            for argument in args:
                elements = self.iterated(argument.value) if isinstance(argument, ast.Starred) else None
                spread += elements or [argument]
            return ast.Call(node.func, spread, []) if len(spread) > len(args) else None
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, args)
        if not isinstance(node.func, ast.Name) or not self.function.is_builtin(node.func.id):
            return None
        match node.func.id, args:
            case "isinstance", [ast.Name(id=name), classes] if name in self.types:
                return self._isinstance(name, classes)
            case "hasattr", [ast.Name(id=name), ast.Constant(value=str() as attribute)] if name in self.types:
                if attribute not in _UNSTABLE_ATTRIBUTES.get(self.types[name], ()):
                    return ast.Constant(hasattr(SAMPLES[self.types[name]], attribute))
            case "callable", [ast.Name(id=name)] if name in self.types:
                return ast.Constant(False)
            case "type", [ast.Name(id=name)] if self.types.get(name, "NoneType") != "NoneType":
                return self._builtin(self.types[name])
            case "str", [ast.Name(id=name)] if self.function.is_builtin(name):
                value = getattr(builtins, name)
                return ast.Constant(str(value)) if isinstance(value, type) else None
            case "len", [ast.Name(id=name)] if name in self.pairs:
                return ast.Constant(2)
            case "list", [iterable] if elements := self.iterated(iterable):
                return ast.List(elements, ast.Load())
            case "set", [ast.Name(id=name)] if name in self.pairs:
                return ast.Set([load(part) for part in self.pairs[name]])
            case "min" | "max", [iterable] if elements := self.iterated(iterable):
                return ast.Call(node.func, elements, []) if len(elements) > 1 else None
            case "all" | "any" as name, [iterable]:
                return self._all_or_any(name, iterable, truth)
        return None

    def _method(self, func: ast.Attribute, args: list[ast.expr]) -> ast.expr | None:
        match func, args:
            case ast.Attribute(value=ast.Constant(value=str() as text), attr="startswith"), [
                ast.Constant(value=str() as prefix)
            ]:
                return ast.Constant(text.startswith(prefix))
        return None

    def _isinstance(self, name: str, classes: ast.expr) -> ast.expr | None:
        """Classes are asked in order, so nothing is known once an unknown one would be asked."""
        kind = type(SAMPLES[self.types[name]])
        for candidate in classes.elts if isinstance(classes, ast.Tuple) else [classes]:
            known = self._class(candidate)
            if known is None:
                return None
            if issubclass(kind, known):
                return ast.Constant(True)
        return ast.Constant(False)

    def _all_or_any(self, name: str, iterable: ast.expr, truth: bool) -> ast.expr | None:
        if may_stop_iteration(iterable):
            return None
        parts = self.iterated(iterable)
        if isinstance(iterable, ast.GeneratorExp) and len(iterable.generators) == 1:
            clause = iterable.generators[0]
            elements = self.iterated(clause.iter)
            if elements and not clause.ifs and not clause.is_async:
                made = [substitute(iterable.elt, clause.target, element) for element in elements]
                parts = [part for part in made if part] if all(made) else None
        elif self.function.is_builtin_call(iterable, "map") and len(iterable.args) == 2:
            mapped, source = iterable.args
            elements = self.iterated(source)
            parameter = only_parameter(mapped) if isinstance(mapped, ast.Lambda) else None
            if isinstance(mapped, ast.Lambda) and parameter is not None and elements:
                made = [substitute(mapped.body, parameter, element) for element in elements]
                parts = [part for part in made if part] if all(made) else None
        if not parts:
            return None
        joined = parts[0] if len(parts) == 1 else ast.BoolOp(ast.And() if name == "all" else ast.Or(), parts)
        return joined if truth else ast.IfExp(joined, ast.Constant(True), ast.Constant(False))

    # comparisons

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr | None:
        match left, operator, right:
            case ast.Name(id=name), ast.Is() | ast.IsNot(), ast.Constant(value=None) if name in self.types:
                return ast.Constant((self.types[name] == "NoneType") is isinstance(operator, ast.Is))
            case ast.Constant(value=int() as first), ast.Eq() | ast.NotEq(), ast.Constant(value=int() as second):
                return ast.Constant((first == second) is isinstance(operator, ast.Eq))
            case ast.Call(func=ast.Name(id="len"), args=[ast.Set(elts=[first, second])]), ast.Eq(), ast.Constant(
                value=1
            ) if self._are_strings(first, second) and self.function.is_builtin("len"):
                return ast.Compare(first, [ast.Eq()], [second])
        kind = self._type_asked(left)
        if kind is None:
            return None
        if isinstance(operator, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
            known = self._class(right)
            return None if known is None else ast.Constant((known is kind) is isinstance(operator, ast.Is | ast.Eq))
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set):
            classes = [self._class(element) for element in right.elts]
            if None not in classes:
                return ast.Constant((kind in classes) is isinstance(operator, ast.In))
        return None

    def _type_asked(self, node: ast.expr) -> type | None:
        """The exact type when the expression is `type(variable)` of a known one."""
        match node:
            case ast.Call(args=[ast.Name(id=name)], keywords=[]) if name in self.types:
                return type(SAMPLES[self.types[name]]) if self.function.is_builtin_call(node, "type") else None
            case ast.Name(id=name) if self.function.is_builtin(name):
                value = getattr(builtins, name)
                return value if isinstance(value, type) else None
        return None

    def _are_strings(self, *nodes: ast.expr) -> bool:
        return all(isinstance(node, ast.Name) and self.types.get(node.id) == "str" for node in nodes)

    def _class(self, node: ast.expr) -> type | None:
        if isinstance(node, ast.Name) and self.function.is_builtin(node.id):
            value = getattr(builtins, node.id)
            return value if isinstance(value, type) else None
        if self.function.is_builtin_call(node, "type") and isinstance(node.args[0], ast.Constant):
            return type(None) if node.args[0].value is None else None
        return None

    def _builtin(self, name: str) -> ast.expr | None:
        return load(name) if self.function.is_builtin(name) else None

    @staticmethod
    def _element(pair: tuple[str, str], index: ast.expr) -> ast.expr | None:
        """`v[0]`, `v[1]`, `v[-1]`, `v[-2]`."""
        position = {"0": 0, "1": 1, "-1": 1, "-2": 0}.get(ast.unparse(index))
        return None if position is None else load(pair[position])


def may_stop_iteration(node: ast.expr) -> bool:
    """It calls `next`: the StopIteration of that means something else inside a generator or `map` than outside."""
    return any(
        (isinstance(part, ast.Name) and part.id == "next")
        or (isinstance(part, ast.Attribute) and part.attr == "__next__")
        for part in ast.walk(node)
    )


def only_parameter(node: ast.Lambda) -> ast.arg | None:
    """The parameter of a lambda that has exactly one, plain and without a default."""
    arguments = node.args
    if len(arguments.args) != 1 or any(
        (arguments.posonlyargs, arguments.vararg, arguments.kwonlyargs, arguments.kwarg, arguments.defaults)
    ):
        return None
    return arguments.args[0]


def load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def substitute(node: ast.expr, target: ast.expr | ast.arg, value: ast.expr) -> ast.expr | None:
    """A copy with a plain variable replaced by an expression that may be evaluated any number of times; None when
    the target is not one, or a nested scope inside could mean something else by its name."""
    name = target.arg if isinstance(target, ast.arg) else target.id if isinstance(target, ast.Name) else None
    if name is None:
        return None
    return substitute_all(node, {name: value})


def substitute_all(node: ast.expr, values: dict[str, ast.expr]) -> ast.expr | None:
    if any(
        isinstance(part, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.NamedExpr)
        for part in ast.walk(node)
    ):
        return None
    result = _Substitution(values).visit(copy(node))
    assert isinstance(result, ast.expr)
    return result


def copy(node: ast.expr) -> ast.expr:
    return ast.parse(f"({ast.unparse(node)})", mode="eval").body


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def terminates(body: list[ast.stmt]) -> bool:
    """Control surely does not reach the end of the block."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    if isinstance(last, ast.If):
        return terminates(last.body) and terminates(last.orelse)
    if isinstance(last, ast.Try):
        return terminates(last.finalbody) or (
            terminates(last.orelse or last.body) and all(terminates(handler.body) for handler in last.handlers)
        )
    return False
