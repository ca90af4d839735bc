"""What a source is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from dean_airflow.metrics.sample import Sample
from dean_airflow.services.contract.health import ServiceHealth

TIMEOUT = 5.0
"""Seconds a source may take: the contract's bound on a health answer."""


@dataclass(frozen=True)
class Reading:
    """What one look at a source gave: `metrics` as the source tells them, JSON-able; `samples` as they are kept.

    `error`: the source could not be asked, or its answer not be understood; health and whatever was understood are
    there all the same. `left_out` counts what was no usable sample.
    """

    health: ServiceHealth | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    error: str | None = None
    left_out: int = 0


class Source(Protocol):
    """`name` is the service of its samples, unique among the sources; `timeout` in seconds is kept by the collector."""

    @property
    def name(self) -> str: ...

    @property
    def timeout(self) -> float: ...

    async def collect(self, at: int) -> Reading:
        """One look, whose samples carry the time `at` (ms since 1970) unless the source tells one itself.

        May raise anything: it then is this source's error, and no one else's. Must not block the event loop.
        """
        ...
