"""What a stub was asked, for tests to look at."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """A request as it came. `method` is `WS` for a WebSocket; names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Recorder:
    """The requests since the last `clear`, oldest first; requests to the admin API are not among them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []

    def add(self, request: Recorded) -> None:
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()

    def of(self, method: str, path: str) -> list[Recorded]:
        """Those with this method and this path."""
        return [request for request in self if (request.method, request.path) == (method, path)]

    def __iter__(self) -> Iterator[Recorded]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)
