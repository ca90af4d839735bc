"""A short way first for arguments of one exact built-in type."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.facts import SAMPLES, Facts, terminates
from dean_airflow.evolution.edits.analysis.fast_path import insert_at_start, lines_of, may_have_fast_path, size_of
from dean_airflow.evolution.edits.analysis.residual import Residual
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function

_ALWAYS_TRIED = ("str",)
_LARGEST_SHARE = 0.75


class TypeFastPath(Kind):
    """A function that asks what type an argument is gets a copy of itself for one exact type, where those questions
    are answered: `isinstance`, `type(x) is`, `is None`, `hasattr`, and small functions of the module that ask them.

    Safe because the copy is guarded by `type(x) is T` of a built-in type, whose answers are fixed, every way through
    it returns or raises, and it is what remains of the original statements, in order; facts about a variable end
    where it is bound again. Only functions without `yield`, `global` and `nonlocal`, and parameters no nested
    function rebinds. The detail names the parameter and the type: `value:str`.

        def text(value):                       →   def text(value):
            if isinstance(value, bytes):               if type(value) is str:
                return value.decode()                      return value.strip()
            if value is None:                          if isinstance(value, bytes):
                return ""                                  ...
            return value.strip()
    """

    name = "type_fast_path"

    def find(self, function: Function) -> Iterator[Match]:
        if not may_have_fast_path(function):
            return
        whole = size_of(function.body)
        for name, asked in _questions(function).items():
            for kind in dict.fromkeys((*_ALWAYS_TRIED, *asked)):
                if not function.is_builtin("type") or (kind != "NoneType" and not function.is_builtin(kind)):
                    continue
                residual = Residual(Facts(function, types={name: kind}))
                body = residual.block(function.body)
                if not residual.folds or not terminates(body) or size_of(body) > _LARGEST_SHARE * whole:
                    continue
                lines = lines_of(function, body)
                if lines is None:
                    continue
                guard = f"{name} is None" if kind == "NoneType" else f"type({name}) is {kind}"
                yield Match(
                    function.body[0],
                    lambda rewriter, guard=guard, lines=lines: insert_at_start(rewriter, guard, lines),  # type: ignore[misc]
                    detail=f"{name}:{kind}",
                )


def _questions(function: Function) -> dict[str, list[str]]:
    """Parameters about which something may be decided → built-in types the function names, most often named first."""
    arguments = function.node.args
    parameters = [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    named = Counter(node.id for node in function.nodes if isinstance(node, ast.Name) and node.id in SAMPLES)
    asked = [name for name, _ in named.most_common()]
    found: dict[str, list[str]] = {}
    for node in function.nodes:
        about: ast.AST | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            about = node.args[0]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.IsNot):
            about = node.left
        if (
            isinstance(about, ast.Name)
            and about.id in parameters
            and about.id not in function.unit.nonlocal_names
            and not (about.id in ("self", "cls") and about.id == parameters[0])
        ):
            found[about.id] = asked
    return found


KIND = TypeFastPath()
