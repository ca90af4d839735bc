"""Compose's interpolation: `$X`, `${X}`, `${X:-d}`, `${X-d}`, `${X:?e}`, `${X?e}`, `${X:+a}`, `${X+a}`, `$$`.

Defaults may hold further references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dean_airflow.deployment.description.environment import Variable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")

MAX_FILLED = 256 * 1024
"""Characters that a value may grow to; what Linux takes as a variable is shorter."""

Outcome = Literal["set", "default", "unset"]
"""`unset`: compose would put an empty text there, or refuse."""


@dataclass(frozen=True, slots=True)
class Use:
    """One variable that was filled in: `start` and `end` bound what it became in the filled text.

    `variable` is None where it is set nowhere; `asks` is the operator, empty for a bare `${X}` or `$X`.
    """

    name: str
    asks: str
    outcome: Outcome
    start: int
    end: int
    variable: Variable | None


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables filled in; `error` is why it cannot be, as a sentence's end."""

    text: str
    uses: tuple[Use, ...] = ()
    error: str = ""


def fill(text: str, variables: Mapping[str, Variable], *, dollars: bool = True) -> Filled:
    """Fills variables in. `dollars`: whether `$$` stands for `$`, as in compose files but not in env files.

    An unclosed `${` or an impossible name gives the text as it is, with `error`.
    """
    if "$" not in text:
        return Filled(text)
    filler = _Filler(text, variables, dollars)
    try:
        filled = filler.until_end()
    except _Malformed as error:
        return Filled(text, tuple(filler.uses), str(error))
    if len(filled) > MAX_FILLED:
        return Filled("", (), f"they grow beyond {MAX_FILLED // 1024} KB")
    return Filled(filled, tuple(filler.uses))


class _Malformed(Exception):
    pass


class _Filler:
    def __init__(self, text: str, variables: Mapping[str, Variable], dollars: bool) -> None:
        self.text, self.variables, self.dollars = text, variables, dollars
        self.at = 0
        self.uses: list[Use] = []

    def until_end(self) -> str:
        out = ""
        while self.at < len(self.text) and len(out) <= MAX_FILLED:
            out += self._step(len(out), used=True)
        return out

    def _step(self, offset: int, used: bool) -> str:
        """One character or one reference; `offset` is how much of the result there is already."""
        char = self.text[self.at]
        if char != "$":
            self.at += 1
            return char
        following = self.text[self.at + 1 : self.at + 2]
        if following == "$" and self.dollars:
            self.at += 2
            return "$"
        if following == "{":
            return self._braced(offset, used)
        match = _NAME.match(self.text, self.at + 1)
        if match is None:
            self.at += 1
            return "$"
        self.at = match.end()
        return self._value(match.group(), "", "", offset, used)

    def _braced(self, offset: int, used: bool) -> str:
        begin = self.at
        match = _NAME.match(self.text, begin + 2)
        if match is None:
            raise _Malformed(f"`{self.text[begin : begin + 12]}` names no variable")
        name, self.at = match.group(), match.end()
        if self.text[self.at : self.at + 1] == "}":
            self.at += 1
            return self._value(name, "", "", offset, used)
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None:
            if "}" not in self.text[self.at :]:
                raise _Malformed(f"`${{{name}` is not closed")
            raise _Malformed(f"`${{{name}` is followed by an operator that compose does not know")
        self.at = operator.end()
        asks = operator.group()
        known = self.variables.get(name)
        is_set = known is not None and (known.value != "" or ":" not in asks)
        other = self._word(name, offset, used and (is_set == ("+" in asks)) and "?" not in asks)
        return self._value(name, asks, other, offset, used)

    def _word(self, name: str, offset: int, used: bool) -> str:
        out, depth = "", 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "}" and depth == 0:
                self.at += 1
                return out
            if char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
            out += self._step(offset + len(out), used)
        raise _Malformed(f"`${{{name}` is not closed")

    def _value(self, name: str, asks: str, other: str, offset: int, used: bool) -> str:
        known = self.variables.get(name)
        is_set = known is not None and (known.value != "" or ":" not in asks)
        outcome: Outcome
        if "+" in asks:
            value, outcome = (other if is_set else ""), "default"
        elif is_set and known is not None:
            value, outcome = known.value, "set"
        elif "-" in asks:
            value, outcome = other, "default"
        else:
            value, outcome = "", "unset"
        if used:
            self.uses.append(Use(name, asks, outcome, offset, offset + len(value), known))
        return value
