"""A callable left at its default, or a static method, written out behind a guard where it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.known_calls import Specialised, specialise
from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class SpecialiseCallable(Kind):
    """A call `self.func(a, b)` gets a short way for the function `self.func` nearly always is: the static method it is
    set to when the user gives none (`self.func = func or self._default`), or the static method of that name.

    Safe because the short way is taken only while the callee *is* that function (`self.func is Class._default`) and,
    where its value depends on it, the arguments are exact strings; its value is the body of that function reduced to
    one expression under these conditions. Every base of the class is in the project, looks attributes up in the
    ordinary way, and the attribute is not a property. Arguments that are not variables or constants are computed
    first, above the statement, after the callee as the call would.

        same = self.func(x, y)    →    same = x == y if self.func is Matcher._equal and type(x) is str \\
                                           and type(y) is str else self.func(x, y)
    """

    name = "specialise_callable"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Call) or node.keywords or not isinstance(node.func, ast.Attribute):
                continue
            if not node.args or any(isinstance(argument, ast.Starred) for argument in node.args):
                continue
            in_place = all(function.is_fixed(argument) for argument in node.args)
            if not in_place and not is_evaluated_first(function, node):
                continue
            arguments = [
                argument if function.is_fixed(argument) else ast.Name(f"_place_{number}", ast.Load())
                for number, argument in enumerate(node.args)
            ]
            special = specialise(function, ast.Call(node.func, arguments, []))
            if special is None:
                continue
            rewrite = _in_place if in_place else _above
            yield Match(
                node,
                lambda rewriter, node=node, special=special, rewrite=rewrite: rewrite(rewriter, node, special),  # type: ignore[misc]
            )


def _in_place(rewriter: Rewriter, node: ast.Call, special: Specialised) -> None:
    rewriter.replace(node, f"({ast.unparse(special.conditional(node))})")


def _above(rewriter: Rewriter, node: ast.Call, special: Specialised) -> None:
    callee = rewriter.fresh("callee")
    lines = [f"{callee} = {rewriter.value(node.func)}"]
    names = []
    for argument in node.args:
        if rewriter.function.is_fixed(argument):
            names.append(rewriter.code(argument))
        else:
            names.append(rewriter.fresh("argument"))
            lines.append(f"{names[-1]} = {rewriter.value(argument)}")
    rewriter.insert_before(rewriter.function.statement_of(node), lines)
    call = ast.parse(f"{callee}({', '.join(names)})", mode="eval").body
    assert isinstance(call, ast.Call)
    # the value was made for places; the fresh names stand there now
    text = ast.unparse(special.conditional(call, callee))
    for number, name in enumerate(names):
        text = text.replace(f"_place_{number}", name)
    rewriter.replace(node, f"({text})")


KIND = SpecialiseCallable()
