"""Samples of two releases, taken side by side: whatever else slows the machine meanwhile slows both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from dean_airflow.deployment.canary.judge import Samples
from dean_airflow.deployment.canary.metric import ERROR_RATE, LATENCY
from dean_airflow.deployment.canary.policy import CanaryPolicy
from dean_airflow.errors import ConfigurationError, DeploymentError
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.pool import ServicePool

Fetch = Callable[[], Awaitable[None]]
"""One request to a release; raises whatever it likes where the release did not answer as it should."""


@dataclass
class _Taken:
    """`seconds` are the samples of latency, `failures` 1 for each request that failed and 0 for each that did not."""

    seconds: list[float] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)

    def by_metric(self) -> dict[str, list[float]]:
        return {LATENCY.name: self.seconds, ERROR_RATE.name: self.failures}


async def sample_releases(
    policy: CanaryPolicy, old: Fetch, new: Fetch, clock: Callable[[], float] = time.perf_counter
) -> Samples:
    """Takes the policy's samples of both, or as many as its deadline allows; never raises for what a release does.

    A sample of the latency is the median of `policy.requests` requests, so that one slow request does not decide it.
    The releases take turns at going first. A burst whose requests all failed has no latency, but its errors count.
    """
    releases = ((old, _Taken()), (new, _Taken()))
    try:
        async with asyncio.timeout(policy.deadline):
            for number in range(policy.samples):
                for fetch, taken in releases if number % 2 == 0 else reversed(releases):
                    await _burst(policy, fetch, taken, clock)
                if policy.interval:
                    await asyncio.sleep(policy.interval)
    except TimeoutError:
        pass  # too few samples then, and the verdict says so
    return Samples(releases[0][1].by_metric(), releases[1][1].by_metric())


async def _burst(policy: CanaryPolicy, fetch: Fetch, taken: _Taken, clock: Callable[[], float]) -> None:
    seconds, failures = [], []
    for _ in range(policy.requests):
        begun = clock()
        failed = await _failed(fetch, policy.timeout)
        failures.append(float(failed))
        if not failed:
            seconds.append(clock() - begun)
    taken.failures += failures
    if seconds:
        taken.seconds.append(median(seconds))


async def _failed(fetch: Fetch, seconds: float) -> bool:
    try:
        # wait_for and not asyncio.timeout: the deadline of the whole sampling must pass through
        await asyncio.wait_for(_answered(fetch), seconds)
    except (_Failed, TimeoutError):
        return True
    return False


class _Failed(Exception):
    """The release did not answer as it should."""


async def _answered(fetch: Fetch) -> None:
    try:
        await fetch()
    except Exception as error:  # whatever a client raises: each is one failed request
        raise _Failed from error


def http_fetch(pool: ServicePool, name: str, url: str, headers: Mapping[str, str] | None = None) -> Fetch:
    """Requests of one address, known to the pool under that name. An answer below 500 is one; a refusal is none.

    Raises DeploymentError for what is no http address.
    """
    try:
        pool.add(ServiceEndpoint(name, "http", url, breaker=BreakerLimits(enabled=False)))
    except ConfigurationError as error:
        raise DeploymentError(f"No samples can be taken: {error}") from None

    async def fetch() -> None:
        answer = await pool.http(name).get(headers=headers)
        if answer.status >= 500:
            raise DeploymentError(f"{name} answered {answer.status}.")

    return fetch
