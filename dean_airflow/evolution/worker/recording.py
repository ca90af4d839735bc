"""Arguments that a function of the target is called with while tests and the benchmark run."""

from __future__ import annotations

import copy
import dis
import inspect
import itertools
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import canonical

MOST_CALLS = 400
"""Different calls kept of one function."""
LEAST_SHARE, LARGEST_SHARE = 3, 25
"""Different calls kept of one test: an even share of the record within these bounds, so that every test is in it."""
LOOKS_A_SOURCE = 400
"""Calls looked at during one test: a benchmark makes millions."""
MOST_ITEMS = 5_000
"""Items (and tens of characters) of the arguments of one call; larger ones are passed over."""


@dataclass(frozen=True)
class Call:
    """The arguments of one call, as the function's own frame sees them."""

    named: dict[str, Any]
    """Parameter → argument, in the order of the signature; a parameter may be left out if it has a default."""
    extra: tuple[Any, ...] = ()
    """What went to `*args`."""
    keywords: dict[str, Any] | None = None
    """What went to `**kwargs`; None where the function takes none."""


class Parameters:
    """How a function is called."""

    def __init__(self, function: types.FunctionType) -> None:
        code = function.__code__
        names = code.co_varnames
        count = code.co_argcount
        self.positional_only = names[: code.co_posonlyargcount]
        self.positional = names[:count]
        self.keyword_only = names[count : count + code.co_kwonlyargcount]
        rest = iter(names[count + code.co_kwonlyargcount :])
        self.extra = next(rest) if code.co_flags & inspect.CO_VARARGS else None
        self.keywords = next(rest) if code.co_flags & inspect.CO_VARKEYWORDS else None
        defaults = len(function.__defaults__ or ())
        with_default = self.positional[count - defaults :] if defaults else ()
        self.optional = {*with_default, *(function.__kwdefaults__ or ())} - set(self.positional_only)

    def call_of(self, frame: types.FrameType) -> Call:
        """The call that a frame at its beginning stands for."""
        values = frame.f_locals
        return Call(
            {name: values[name] for name in (*self.positional, *self.keyword_only) if name in values},
            values[self.extra] if self.extra else (),
            values[self.keywords] if self.keywords else None,
        )

    def arguments(self, call: Call) -> tuple[list[Any], dict[str, Any]]:
        """The call's arguments as they are passed: by position up to the first one left out."""
        given = list(itertools.takewhile(call.named.__contains__, self.positional))
        by_name = {name: value for name, value in call.named.items() if name not in given}
        return [*(call.named[name] for name in given), *call.extra], {**by_name, **(call.keywords or {})}


class Copier:
    """Deep copies of calls in which the objects that modules hold by name (sentinels, singletons) stay themselves."""

    def __init__(self, project_modules: list[types.ModuleType]) -> None:
        self._shared = {
            id(value): value
            for module in project_modules
            for value in list(vars(module).values())
            if not isinstance(value, list | dict | set | bytearray)
        }

    def copy(self, call: Call) -> Call:
        """Raises whatever copying raises."""
        return Call(*copy.deepcopy((call.named, call.extra, call.keywords), dict(self._shared)))


class Recorder:
    """Keeps different calls of one function, up to a bound."""

    def __init__(self, function: types.FunctionType, copier: Copier) -> None:
        self.parameters = Parameters(function)
        self.calls: list[Call] = []
        self.passed_over = 0
        """Calls too large to keep, or of arguments that cannot be copied."""
        self._copier = copier
        self._code = function.__code__
        self._begin = _beginning(function.__code__)
        self._seen: set[str] = set()
        self._kept_now = self._looked_now = 0
        self._share = LARGEST_SHARE

    @property
    def full(self) -> bool:
        return len(self.calls) >= MOST_CALLS

    def during(self, work: Callable[[], object], sources: int) -> None:
        """Records while `work`, one of so many sources, runs. Raises what it raises."""
        self._kept_now = self._looked_now = 0
        self._share = max(LEAST_SHARE, min(LARGEST_SHARE, MOST_CALLS // max(sources, 1)))
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            work()
        finally:
            sys.setprofile(before)

    def _look(self, frame: types.FrameType, event: str, argument: object) -> None:
        if frame.f_code is not self._code or event != "call" or frame.f_lasti > self._begin:
            return
        if self._looked_now >= LOOKS_A_SOURCE or self._kept_now >= self._share or self.full:
            return
        self._looked_now += 1
        try:
            self._keep(self.parameters.call_of(frame))
        except Exception:  # the arguments' own code may raise anything when copied
            self.passed_over += 1

    def _keep(self, call: Call) -> None:
        if weight((call.named, call.extra, call.keywords), MOST_ITEMS) > MOST_ITEMS:
            self.passed_over += 1
            return
        key = key_of(self._copier.copy(call))
        if key not in self._seen:
            self._seen.add(key)
            self.calls.append(self._copier.copy(call))
            self._kept_now += 1


def key_of(call: Call) -> str:
    """Equal for equal calls. Uses up the iterators among the arguments: give it a copy."""
    return canonical.digest([list(call.named.items()), call.extra, call.keywords])


def weight(value: Any, most: int) -> int:
    """Items in containers and attributes plus tens of characters; counting stops beyond `most`."""
    waiting, total, seen = [value], 0, set()
    while waiting and total <= most:
        one = waiting.pop()
        total += 1
        if isinstance(one, str | bytes | bytearray):
            total += len(one) // 10
        elif id(one) not in seen and not isinstance(one, type | types.FunctionType | types.ModuleType):
            seen.add(id(one))
            if isinstance(one, dict):
                waiting += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple | set | frozenset):
                waiting += one
            waiting += getattr(one, "__dict__", {}).values()
    return total


def _beginning(code: types.CodeType) -> int:
    """Offset at which a call begins; a generator that goes on stands further on."""
    return next((one.offset for one in dis.get_instructions(code) if one.opname == "RESUME" and one.arg == 0), 0)
