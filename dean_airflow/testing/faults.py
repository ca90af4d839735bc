"""Faults that a stub can be told to have: on which route, of which kind, for how many requests."""

from __future__ import annotations

import threading
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal[
    "status", "latency", "drop", "lose_answer", "truncate", "slow_loris", "malformed", "wrong_types", "unknown_fields",
    "duplicate", "out_of_order",
]  # fmt: skip


class Fault(BaseModel):
    """What goes wrong, where and how often.

    | kind | a request | a WebSocket (method `WS`): each frame to the client |
    |---|---|---|
    | `status` | answered with `status`, `body` and `headers`, and not handled | the handshake is answered so |
    | `latency` | handled, then answered `seconds` later | sent `seconds` later |
    | `drop` | the connection is cut, the request is not handled | the connection is cut in its place |
    | `lose_answer` | handled, then the connection is cut in place of the answer | not sent |
    | `truncate` | the answer's length is announced, half of it is sent, the connection is cut | half of it is sent |
    | `slow_loris` | the answer comes one byte each `seconds` | one character each `seconds`, each as a frame |
    | `malformed` | the answer is no JSON | it is no JSON |
    | `wrong_types` | numbers of the answer are texts, texts are numbers | the same |
    | `unknown_fields` | every object of the answer has a field more | the same |
    | `duplicate` | handled twice, the second answer is sent, as after a proxy's retry | sent twice |
    | `out_of_order` | held until the next one is answered, at most `seconds` | sent after the next one |
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    method: str = Field(default="*", description="GET, POST, ..., WS for frames of WebSockets, or * for every request.")
    path: str = Field(default="*", description="A path, * standing for any part of it; the prefix /api/v1 is left out.")
    after: int = Field(default=0, ge=0, description="Requests or frames let through first.")
    count: int | None = Field(
        default=1, ge=1, description="Requests or frames that it hits; null for all from then on."
    )
    status: int = Field(default=500, ge=200, le=599)
    body: Any = Field(default=None, description="Of `status`; by default an error as the contract has it.")
    headers: dict[str, str] = Field(default_factory=dict, description="Of `status`, for example Retry-After.")
    seconds: float = Field(default=1.0, ge=0, description="Of `latency`, `slow_loris` and `out_of_order`.")

    def concerns(self, method: str, path: str) -> bool:
        if (method == "WS") != (self.method == "WS"):
            return False
        return self.method in ("*", method) and fnmatchcase(path, self.path)


class Faults:
    """The faults a stub has now. Usable from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def add(self, kind: FaultKind, **rest: Any) -> Fault:
        """One more; `rest` as the fields of `Fault`. Raises pydantic's ValidationError for a field that it has not."""
        fault = Fault(kind=kind, **rest)
        with self._lock:
            self._entries.append(_Entry(fault))
        return fault

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def active(self) -> list[Fault]:
        """Those that have not run out."""
        with self._lock:
            return [entry.fault for entry in self._entries if not entry.spent]

    def take(self, method: str, path: str, *, kinds: Collection[str] | None = None) -> list[Fault]:
        """What hits this request or frame, in the order the faults were added; it counts for each."""
        with self._lock:
            concerned = [
                entry
                for entry in self._entries
                if entry.fault.concerns(method, path) and (kinds is None or entry.fault.kind in kinds)
            ]
            return [entry.fault for entry in concerned if entry.hits()]


class _Entry:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0

    @property
    def spent(self) -> bool:
        return self.fault.count is not None and self._seen >= self.fault.after + self.fault.count

    def hits(self) -> bool:
        if self.spent:
            return False
        self._seen += 1
        return self._seen > self.fault.after
