"""Frames of the Evolution API's WebSocket `/ws`, and how it closes.

The first frame is `connection`, then `trial_update`s: per trial one start, then per generation its patterns and its
progress, then exactly one terminal frame. A client sends `ping` as text every 25 s and gets `pong`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dean_airflow.services.contract.base import Answer, Count, Share, UtcTime

PATH = "/ws"
PING, PONG = "ping", "pong"
PING_SECONDS = 25.0
CLOSED_UNAUTHORIZED = 1008
"""Refused before it was accepted: no or a bad token in header, query or subprotocol."""
CLOSED_EXPIRED = 4401
"""Closed after it was accepted: a bad first message, or the token has expired meanwhile."""
TOKEN_QUERY = "token"
TOKEN_SUBPROTOCOL = "dean.token"
"""A client offers this subprotocol and the token as a second one; the server selects this one."""


class ConnectionFrame(Answer):
    type: Literal["connection"] = "connection"
    message: str
    timestamp: UtcTime
    authenticated: bool
    user: str | None = None


class AuthenticateFrame(Answer):
    """The first message a client sends when the token came no other way."""

    type: Literal["authenticate"] = "authenticate"
    token: str


class FoundPattern(Answer):
    id: str
    type: str
    confidence: Share


class ProgressData(Answer):
    generation: Count
    fitness: Share
    improvement: float


class PatternData(Answer):
    pattern: FoundPattern


class TrialFrame(Answer):
    """`event` says which of them it is, for readers; a service need not send it. `data` is ProgressData for a
    generation, PatternData for a discovery, else empty.
    """

    type: Literal["trial_update"] = "trial_update"
    trial_id: str
    message: str
    timestamp: UtcTime
    data: dict[str, Any] = Field(default_factory=dict)
    event: Literal["started", "progress", "pattern", "completed", "failed", "cancelled"] | None = None

    @property
    def progress(self) -> ProgressData | None:
        return ProgressData.model_validate(self.data) if "generation" in self.data else None

    @property
    def pattern(self) -> FoundPattern | None:
        return PatternData.model_validate(self.data).pattern if "pattern" in self.data else None


Frame = ConnectionFrame | TrialFrame
