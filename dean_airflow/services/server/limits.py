"""Bounds on what one caller, or all together, may take of a server."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WINDOW = 60.0
"""Seconds a rate limit counts over."""
REMEMBERED = 10_000
"""Callers counted at once; beyond it the one longest unheard is forgotten."""


class RateLimit:
    """At most `per_minute` requests of one name within a minute of its first; 0 is no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = per_minute, clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, name: str) -> int:
        """0 when the request may go on, else in how many whole seconds the next one may."""
        if self._limit <= 0:
            return 0
        now = self._clock()
        began, count = self._windows.pop(name, (now, 0))
        if now - began >= WINDOW:
            began, count = now, 0
        self._windows[name] = (began, count + 1)
        if len(self._windows) > REMEMBERED:
            self._windows.popitem(last=False)
        return 0 if count < self._limit else max(1, math.ceil(began + WINDOW - now))


class SocketLimit:
    """At most `each` open sockets a user and `together` in all."""

    def __init__(self, each: int, together: int) -> None:
        self._each, self._together = each, together
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        return self._open.total()

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Whether one more socket is allowed; it counts until the block ends."""
        allowed = self._open[name] < self._each and self._open.total() < self._together
        if allowed:
            self._open[name] += 1
        try:
            yield allowed
        finally:
            if allowed:
                self._open[name] -= 1
                if not self._open[name]:
                    del self._open[name]
