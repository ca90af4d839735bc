"""Durations as people write them in rules and as PromQL spells them: `90s`, `5m`, `1h30m`, `2d`."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_FORM = re.compile("".join(rf"(?:(?P<{unit}>\d+){unit})?" for unit in _UNITS))
LONGEST = 366 * _UNITS["d"]
"""Milliseconds of the longest duration that means something: history is kept for a year."""


def parse_duration(text: str) -> int:
    """Milliseconds. Units w, d, h, m, s, ms, each at most once and from the longest down; `0` needs none.

    Raises ValueError, which says what was wrong, for any other text and for more than a year.
    """
    if text == "0":
        return 0
    found = _FORM.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m, 1h30m or 2d")
    total = sum(int(found[unit][:15]) * size for unit, size in _UNITS.items() if found[unit])
    if total > LONGEST:
        raise ValueError(f"{text!r} is longer than a year")
    return total


def format_duration(milliseconds: int) -> str:
    """The shortest text that `parse_duration`, and Prometheus, read as so many milliseconds."""
    if milliseconds == 0:
        return "0s"
    parts = []
    for unit, size in _UNITS.items():
        if unit == "w" and milliseconds % size:
            continue  # 10d reads better than 1w3d
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
