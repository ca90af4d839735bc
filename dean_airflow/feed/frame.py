"""Frames: what a client is sent."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from dean_airflow.feed.position import Position

ANYBODY = ""
"""The `dag` of a frame that every subscriber of its topic may see."""


@dataclass(frozen=True)
class Frame:
    """`dag` is the DAG whose runs one must be allowed to read; None: those of DEAN's own trials."""

    type: str
    topic: str
    position: Position | None = None
    data: dict[str, Any] = field(default_factory=dict)
    dag: str | None = ANYBODY
    store: str = ""
    last: bool = False
    """Nothing follows of this topic, ever."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def text(self) -> str:
        """As it is sent; made once, however many are sent it."""
        made: dict[str, Any] = {"type": self.type}
        if self.topic:
            made["topic"] = self.topic
        if self.position is not None:
            made["position"] = self.position.text(self.store)
        made |= {"timestamp": self.at.isoformat(), "data": self.data}
        return to_json(made)


def to_json(value: Any) -> str:
    """JSON as browsers read it: infinities become text, as Prometheus' API has them, and what is no number null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
