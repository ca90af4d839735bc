"""A short way first for functions of `*args` called with two arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from dean_airflow.evolution.edits.analysis.facts import Facts, terminates
from dean_airflow.evolution.edits.analysis.fast_path import insert_at_start, lines_of, may_have_fast_path, size_of
from dean_airflow.evolution.edits.analysis.known_calls import specialise
from dean_airflow.evolution.edits.analysis.residual import Residual
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_LARGEST_SHARE, _ALWAYS_ALLOWED = 1.5, 80


class PairFastPath(Kind):
    """A function of `*args` gets a copy of itself for exactly two arguments, where `len(args)`, `args[0]`, `f(*args)`,
    `all(args)`, and loops and comprehensions over `args` are written out for the two.

    With detail `str` the copy is for two exact strings, so that `len(set(args)) == 1` is a comparison. Safe because
    the copy is guarded by the length (and the types), every way through it returns or raises, and it is what remains
    of the original statements in order. Only functions without `yield`, `global` and `nonlocal`, whose `*args` no
    nested function rebinds.

        def same(*items):                      →   def same(*items):
            return len(set(items)) == 1                if len(items) == 2:
                                                           _first, _second = items
                                                           if type(_first) is str and type(_second) is str:
                                                               return _first == _second
                                                       return len(set(items)) == 1
    """

    name = "pair_fast_path"

    def find(self, function: Function) -> Iterator[Match]:
        star = function.node.args.vararg
        if star is None or not may_have_fast_path(function) or not function.is_builtin("len"):
            return
        if star.arg in function.unit.nonlocal_names:
            return
        limit = _LARGEST_SHARE * size_of(function.body) + _ALWAYS_ALLOWED
        pair = _fresh_pair(function)
        plain = self._residual(function, star.arg, pair, strings=False, limit=limit)
        typed = self._residual(function, star.arg, pair, strings=True, limit=limit)
        if typed is not None and typed != plain and function.is_builtin("type") and function.is_builtin("str"):
            yield self._match(function, star.arg, pair, typed, strings=True)
        if plain is not None:
            yield self._match(function, star.arg, pair, plain, strings=False)

    def _match(self, function: Function, name: str, pair: tuple[str, str], lines: list[str], strings: bool) -> Match:
        return Match(
            function.body[0],
            lambda rewriter: _insert(rewriter, name, pair, lines, strings),
            detail="str" if strings else "any",
        )

    def _residual(
        self, function: Function, name: str, pair: tuple[str, str], strings: bool, limit: float
    ) -> list[str] | None:
        """What remains of the body for two arguments; None when that is nothing new, too long, or may not end."""
        types = dict.fromkeys(pair, "str") if strings else {}

        def known(call: ast.Call, exact: Mapping[str, str]) -> ast.expr | None:
            special = specialise(function, call, exact)
            return None if special is None else special.conditional(call)

        residual = Residual(Facts(function, types=types, pairs={name: pair}), calls=known)
        body = residual.block(function.body)
        if not residual.folds or not terminates(body) or size_of(body) > limit:
            return None
        lines = lines_of(function, body)
        return None if lines == lines_of(function, function.body) else lines


def _fresh_pair(function: Function) -> tuple[str, str]:
    rewriter = Rewriter(function)
    return rewriter.fresh("first"), rewriter.fresh("second")


def _insert(rewriter: Rewriter, name: str, pair: tuple[str, str], lines: list[str], strings: bool) -> None:
    first, second = pair
    unpack = f"{first}, {second} = {name}"
    if strings:
        guard = f"type({first}) is str and type({second}) is str"
        insert_at_start(rewriter, guard, lines, around=(f"len({name}) == 2", unpack))
    else:
        insert_at_start(rewriter, f"len({name}) == 2", lines, before=unpack)


KIND = PairFastPath()
