"""GET /health: whether the server can work, which is whether what it depends on answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from dean_airflow import __version__
from dean_airflow.errors import DeanError
from dean_airflow.services.contract.health import Check, Health, Status

CHECK_SECONDS = 4.0
"""A check that takes longer has failed: the whole answer is due within 5 s."""
REMEMBERED_SECONDS = 1.0
"""Health is open to everyone, so that asking it often must not cost anything."""

HealthCheck = Callable[[], Awaitable[None]]
"""Returns when all is well; raises an exception whose text says what is not."""


class HealthOf:
    """Asks the checks, all at once. A failed one of `required` makes the service unhealthy, any other degraded."""

    def __init__(
        self,
        service: str,
        checks: Mapping[str, HealthCheck],
        required: frozenset[str] = frozenset(),
        capabilities: tuple[str, ...] = (),
        active_trials: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._service, self._checks, self._required = service, dict(checks), required
        self._capabilities, self._active_trials = list(capabilities), active_trials
        self._started = time.monotonic()
        self._known: tuple[float, Health] | None = None
        self._asking = asyncio.Lock()

    async def get(self) -> Health:
        """The health as of at most a second ago."""
        async with self._asking:
            now = time.monotonic()
            if self._known is None or now - self._known[0] >= REMEMBERED_SECONDS:
                self._known = (time.monotonic(), await self._ask())
            return self._known[1]

    async def _ask(self) -> Health:
        answers = await asyncio.gather(*(self._check(check) for check in self._checks.values()))
        checks = dict(zip(self._checks, answers, strict=True))
        failed = {name for name, check in checks.items() if check.status != "healthy"}
        status: Status = "unhealthy" if failed & self._required else "degraded" if failed else "healthy"
        active = None
        if self._active_trials is not None and not failed & self._required:
            with contextlib.suppress(DeanError, TimeoutError):  # what has just failed is said the next time
                active = await asyncio.wait_for(self._active_trials(), CHECK_SECONDS / 4)
        return Health(
            status=status,
            service=self._service,
            version=__version__,
            timestamp=datetime.now(UTC),
            uptime_seconds=int(time.monotonic() - self._started),
            checks=checks,
            capabilities=self._capabilities,
            active_trials=active,
        )

    async def _check(self, check: HealthCheck) -> Check:
        begun = time.perf_counter()
        try:
            await asyncio.wait_for(check(), CHECK_SECONDS)
        except TimeoutError:
            return Check(status="unhealthy", error=f"No answer within {CHECK_SECONDS:g} s.")
        except Exception as error:
            return Check(status="unhealthy", error=str(error))
        return Check(status="healthy", latency_ms=round(1000 * (time.perf_counter() - begun), 1))


def health_router(health: HealthOf, guards: Sequence[Any] = ()) -> APIRouter:
    """`guards` are dependencies, where an app that mounts it leaves nothing open."""
    router = APIRouter(tags=["health"], dependencies=list(guards))

    @router.get(
        "/health",
        response_model=Health,
        response_model_exclude_none=True,
        responses={503: {"model": Health, "description": "Something the service cannot work without does not answer."}},
    )
    async def get_health(response: Response) -> Health:
        """Whether the service can work. The only route that asks for no credential."""
        known = await health.get()
        response.status_code = 503 if known.status == "unhealthy" else 200
        return known

    return router
