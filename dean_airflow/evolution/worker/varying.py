"""New inputs from recorded ones: the same call with one to three arguments, or parts of them, changed.

A variation never changes what it is given; it builds anew what it changes and shares the rest.
"""

from __future__ import annotations

import copy
import enum
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .recording import Call, Parameters

CROSSED = 0.15
"""Chance that each argument of a call may come from another call."""
KNOWN_LEAF = 0.25
"""Chance that a number or text gives way to one that was recorded anywhere, or that stands in the function's code."""
MOST_LEAVES = 500
SAME_PARAMETER = 0.3
"""Chance that an argument gives way to one recorded for the same parameter in another call."""
OTHER_TYPE = 0.08
"""Chance that an argument gives way to a value of another type."""
DROPPED = 0.08
"""Chance that an argument with a default is left out."""
DEEPEST = 6
LONGEST = 10_000
"""Characters or items of a varied value."""

_EXTRA, _KEYWORDS = "*", "**"
_NUMBERS = (0, 1, -1, 2, 10, 255, 65_537, 2**63, -(2**63))
_FLOATS = (0.0, -0.0, 0.5, 1e-9, 1e300, float("inf"), float("-inf"), float("nan"))
_LETTERS = "aA0 .,:;-_/'\"\\\n\t%{}[]()<>|#é߀漢😀İ\u200b\x1b"
_OTHERS: tuple[Any, ...] = (None, True, False, 0, 7, -2.5, "", "text", b"bytes", (), [], {}, [1, "a"], {"a": 1})


class Varier:
    """Draws variations of recorded calls from one source of randomness."""

    def __init__(self, calls: list[Call], parameters: Parameters, literals: list[Any], rng: random.Random) -> None:
        """`literals`: texts and numbers in the function's code, which its special cases are about."""
        self.rng, self.parameters, self._calls = rng, parameters, calls
        self._texts = [one for one in literals if type(one) is str and one]
        self._leaves: dict[type, list[Any]] = {str: list(self._texts)}
        for one in literals:
            if type(one) in (int, float):
                self._leaves.setdefault(type(one), []).append(one)
        for leaf in _leaves(calls):
            self._leaves.setdefault(type(leaf), []).append(leaf)
        self._by_parameter: dict[str, list[Any]] = {}
        for call in calls:
            for name, value in call.named.items():
                self._by_parameter.setdefault(name, []).append(value)

    def vary(self, call: Call) -> Call:
        """The call with one to three changes; it may come out equal. Raises what the arguments' code raises."""
        if self.rng.random() < CROSSED:
            call = self._crossed(call, self.rng.choice(self._calls))
        for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))):
            call = self._one_change(call)
        return call

    def _crossed(self, call: Call, other: Call) -> Call:
        """Arguments of two calls; the first parameter's (the object of a method) stays."""
        first = next(iter(call.named), "")
        taken = {
            name: other.named[name]
            for name in call.named
            if name in other.named and name != first and self.rng.random() < 0.5
        }
        return replace(call, named={**call.named, **taken})

    def _one_change(self, call: Call) -> Call:
        places = [*call.named, *([_EXTRA] if self._may_extend(call) else []), *([_KEYWORDS] if call.keywords else [])]
        place = self.rng.choice(places) if places else ""
        if place == _EXTRA:
            return replace(call, extra=tuple(self._sequence(list(call.extra), 0)))
        if place == _KEYWORDS:
            return replace(call, keywords=self._named_values(dict(call.keywords or {}), 0))
        return self._change_named(call, place) if place else call

    def _may_extend(self, call: Call) -> bool:
        complete = all(name in call.named for name in self.parameters.positional)
        return self.parameters.extra is not None and complete

    def _change_named(self, call: Call, name: str) -> Call:
        if name in self.parameters.optional and not call.extra and self.rng.random() < DROPPED:
            return replace(call, named={other: value for other, value in call.named.items() if other != name})
        is_receiver = name in ("self", "cls") and name == next(iter(call.named))
        if self.rng.random() < SAME_PARAMETER:
            value = self.rng.choice(self._by_parameter[name])
        elif self.rng.random() < OTHER_TYPE and not is_receiver:
            value = self.rng.choice(_OTHERS)
        else:
            value = self.value(call.named[name])
        return replace(call, named={**call.named, name: value})

    def value(self, value: Any, depth: int = 0) -> Any:
        """A value like the one given: of its type, wherever that is possible."""
        if depth > DEEPEST or isinstance(value, enum.Enum | type):
            return value
        kind = type(value)
        if kind is bool:
            return not value
        if kind in self._leaves and self.rng.random() < KNOWN_LEAF:
            return self.rng.choice(self._leaves[kind])
        if value is None:
            return self.rng.choice(_OTHERS)
        if isinstance(value, str):
            return _like(value, self._text(str(value), self._letter))
        if isinstance(value, bytes | bytearray):
            text = self._text(value.decode("latin-1"), lambda: chr(self.rng.randrange(256)))
            return kind(text.encode("latin-1", "replace"))
        if isinstance(value, int):
            drawn = self._integer(int(value))
            return drawn if kind is int else _like(value, drawn)
        if isinstance(value, float):
            drawn = self._float(float(value))
            return drawn if kind is float else _like(value, drawn)
        if isinstance(value, complex):
            return complex(self._float(value.real), value.imag)
        return self._compound(value, depth + 1)

    def _compound(self, value: Any, depth: int) -> Any:
        if isinstance(value, list | tuple):
            if isinstance(value, tuple) and hasattr(value, "_make"):
                place = self.rng.randrange(len(value)) if value else 0
                return value._make(self.value(one, depth) if at == place else one for at, one in enumerate(value))
            return _like(value, self._sequence(list(value), depth))
        if isinstance(value, set | frozenset):
            return _like(value, self._sequence(sorted(value, key=repr), depth))
        if isinstance(value, dict):
            varied = self._named_values(dict(value), depth)
            if type(value) is dict:
                return varied
            emptied = copy.copy(value)
            emptied.clear()
            emptied.update(varied)
            return emptied
        return self._object(value, depth)

    def _text(self, text: str, letter: Callable[[], str]) -> str:
        rng = self.rng
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.randrange(1, 4))
        action = rng.randrange(10)
        if action == 0:
            return ""
        if action == 1:
            return text[:start]
        if action == 2:
            return text[start:]
        if action == 3:
            return (text * rng.randrange(2, 4))[:LONGEST]
        if action == 4:
            return text[:start] + text[end:]
        if action == 5:
            return text[:start] + text[start:end][::-1] + text[end:]
        if action == 6:
            return rng.choice((text.upper(), text.lower(), text.title(), text.strip(), f" {text} "))
        if action == 7:
            return text[:start] + letter() + text[end:]
        if action == 8 and self._texts:
            return text[:start] + rng.choice(self._texts) + text[start:]
        return text[:start] + letter() * rng.choice((1, 1, 1, 5)) + text[start:]

    def _letter(self) -> str:
        return self.rng.choice(_LETTERS)

    def _integer(self, number: int) -> Any:
        small = (number + 1, number - 1, -number, number * 2, number // 2, ~number)
        choices: tuple[Any, ...] = (*small, *small, self.rng.randrange(-20, 200), self.rng.choice(_NUMBERS))
        drawn = self.rng.choice(choices)
        return float(drawn) if self.rng.random() < 0.05 else drawn

    def _float(self, number: float) -> Any:
        choices = (number + 1.0, number - 1.0, -number, number * 2, number / 3, number + 1e-9)
        drawn = self.rng.choice((*choices, *choices, self.rng.uniform(-100, 100), self.rng.choice(_FLOATS)))
        return int(drawn) if self.rng.random() < 0.05 and abs(drawn) < 1e15 else drawn

    def _sequence(self, items: list[Any], depth: int) -> list[Any]:
        rng = self.rng
        action = rng.randrange(10) if items else 9
        if action == 0:
            return []
        if action == 1:
            return items[: rng.randrange(len(items))]
        if action == 2:
            return items[rng.randrange(len(items)) :]
        if action == 3:
            return rng.sample(items, len(items))
        if action == 4:
            return (items + items)[:LONGEST]
        if action == 5:
            return items[::-1]
        if action == 9:
            return [*items, rng.choice(items) if items else rng.choice(_OTHERS)]
        place = rng.randrange(len(items))
        changed = rng.choice(_OTHERS) if rng.random() < OTHER_TYPE else self.value(items[place], depth)
        return [*items[:place], changed, *items[place + 1 :]]

    def _named_values(self, values: dict[Any, Any], depth: int) -> dict[Any, Any]:
        if not values:
            return {"a": 1}
        name = self.rng.choice(list(values))
        action = self.rng.randrange(8)
        if action == 0:
            return {}
        if action == 1:
            del values[name]
        elif action == 2:
            items = list(values.items())
            self.rng.shuffle(items)
            values = dict(items)
        else:
            values[name] = self.value(values[name], depth)
        return values

    def _object(self, value: Any, depth: int) -> Any:
        """A copy of an instance of the target's own with one attribute varied; anything else stays as it is."""
        attributes = getattr(value, "__dict__", None)
        if not isinstance(attributes, dict) or not attributes or callable(value):
            return value
        name = self.rng.choice(list(attributes))
        varied = copy.copy(value)
        if varied is value:
            return value
        varied.__dict__[name] = self.value(attributes[name], depth)
        return varied


def _leaves(calls: list[Call]) -> list[Any]:
    """Texts and numbers in the recorded arguments and the containers among them, no two alike, up to a bound."""
    found: dict[tuple[type, Any], Any] = {}
    for call in calls:
        waiting: list[Any] = [*call.named.values(), *call.extra, *(call.keywords or {}).values()]
        while waiting and len(found) < MOST_LEAVES:
            one = waiting.pop()
            if type(one) in (str, int, float):
                found[type(one), one] = one
            elif type(one) in (list, tuple, set, frozenset):
                waiting += one
            elif type(one) is dict:
                waiting += [*one.keys(), *one.values()]
    return list(found.values())


def _like(value: Any, varied: Any) -> Any:
    """`varied` as the subclass that `value` is of, if it can be made so."""
    kind = type(value)
    if type(varied) is kind:
        return varied
    try:
        return kind(varied)
    except Exception:
        return varied
