"""Whether a release is healthy: so many good answers in a row, within a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from dean_airflow.deployment.backends.backend import Backend
from dean_airflow.deployment.checks.dean import satisfies
from dean_airflow.deployment.plan.release import Check, ServiceRelease
from dean_airflow.errors import DeploymentError
from dean_airflow.services import lenient
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import ServiceError
from dean_airflow.services.pool import ServicePool

ANSWER_SECONDS = 5.0
IMPATIENT = 0.25
"""Seconds between two looks until the first good one: most services need a second or two to start."""


def verify_release(
    backend: Backend, release: ServiceRelease, say: Callable[[str], object], *, times: int | None = None
) -> dict[str, Any]:
    """What the last look saw, once `times` (by default the check's) in a row were good.

    Raises DeploymentError: it ended, or did not become healthy within its time, with what was seen last.
    """
    return asyncio.run(_verify(backend, release, say, times or release.check.times))


async def _verify(
    backend: Backend, release: ServiceRelease, say: Callable[[str], object], times: int
) -> dict[str, Any]:
    check = release.check
    name = f"{release.service} (release {release.release})"
    until = time.monotonic() + check.within
    with backend.reach(release.service, release.release) as base:
        url = check.url or (base + check.path if base and check.path else "")
        async with ServicePool() as pool:
            if url:
                pool.add(ServiceEndpoint(release.service, "http", url, breaker=BreakerLimits(enabled=False)))
            good = 0
            while True:
                seen = await _look(backend, release, pool if url else None)
                good = good + 1 if seen["status"] == "healthy" else 0
                if good >= times:
                    say(f"{name} is healthy: {good} good answers in a row.")
                    return seen
                if seen.get("ended"):
                    raise DeploymentError(f"{name} does not run: {seen['error']}.")
                wait = check.every if good else min(check.every, IMPATIENT)
                if time.monotonic() + wait > until:
                    raise DeploymentError(
                        f"{name} did not become healthy within {check.within:g} s: {seen.get('error') or 'no answer'}."
                    )
                await asyncio.sleep(wait)


async def _look(backend: Backend, release: ServiceRelease, pool: ServicePool | None) -> dict[str, Any]:
    status = await asyncio.to_thread(backend.status, release.service, release.release)
    if status.state in ("failed", "stopped", "restarting"):
        return {"status": "unhealthy", "error": status.reason or status.state, "ended": status.state == "failed"}
    if pool is None:
        healthy = status.state == "running"
        return {"status": "healthy" if healthy else "unhealthy", "error": "" if healthy else status.reason}
    try:
        reply = await pool.http(release.service).get(seconds=ANSWER_SECONDS)
    except ServiceError as error:
        return {"status": "unhealthy", "error": str(error).rstrip(".")}
    try:
        body = reply.json()
    except ServiceError:
        body = None
    word, text = (
        lenient.health_words(reply.status, body)
        if isinstance(body, Mapping) and "status" in body
        else (
            "healthy" if reply.ok else "unhealthy",
            None,
        )
    )
    facts = body if isinstance(body, Mapping) else {}
    seen: dict[str, Any] = {"status": word, "version": str(facts.get("version") or "")}
    if word != "healthy":
        return {**seen, "error": text or f"it answers {reply.status}"}
    if missing := _unmet(release.check, facts):
        return {**seen, "status": "unhealthy", "error": missing}
    return seen


def _unmet(check: Check, facts: Mapping[str, Any]) -> str:
    """What the contract asks for and the answer does not have."""
    found = str(facts.get("contract_version") or facts.get("version") or "")
    if check.contract and not satisfies(found, check.contract):
        return f"it has contract {found or 'of no version'}, and {check.contract} is required"
    lacking = [name for name in check.capabilities if name not in (facts.get("capabilities") or ())]
    return f"it lacks the capability {lacking[0]}" if lacking else ""
