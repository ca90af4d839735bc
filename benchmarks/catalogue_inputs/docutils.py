"""docutils on formulas."""

from __future__ import annotations

from docutils.utils.math import math2html  # type: ignore[import-untyped,unused-ignore]


def endings(seed: int) -> int:
    """The ending of a formula's part, looked for at it."""
    endings = math2html.EndingList()
    endings.add("}")
    position = math2html.TextPosition("} " + str(seed))
    return sum(endings.findending(position) is not None for _ in range(6_000))
