"""Whether a failed attempt of a call is repeated, and when: tenacity's loop with the contract's rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from dean_airflow.services.errors import CircuitOpen, RateLimited, ServiceError, ServiceUnavailable


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts`; between them `first` seconds, doubled each time, and up to `first` more at random, but never
    more than `longest`.
    """

    attempts: int = 3
    first: float = 1.0
    longest: float = 10.0


class Deadline:
    """The moment, on the monotonic clock, by which a whole call must be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._end - time.monotonic()


def is_passing(error: BaseException | None) -> bool:
    """Whether it may be over soon: no connection, no answer in time, 502, 503, 504, 429. No other status is."""
    return isinstance(error, ServiceUnavailable | RateLimited) and not isinstance(error, CircuitOpen)


def retrying(
    policy: RetryPolicy,
    attempts: int,
    deadline: Deadline,
    may_repeat: Callable[[ServiceError], Awaitable[bool]],
) -> AsyncRetrying:
    """The attempts of one call; the error of the last one comes out as it is.

    A Retry-After is obeyed by waiting that long, or by giving up where the deadline comes first.
    """
    pause = wait_exponential_jitter(multiplier=policy.first, max=policy.longest, jitter=policy.first)
    enough = stop_after_attempt(max(1, min(attempts, policy.attempts)))

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        asked = error.retry_after if isinstance(error, ServiceError) else None
        return max(pause(state), asked or 0.0)

    async def again(state: RetryCallState) -> bool:
        error = _error(state)
        if not is_passing(error) or enough(state):
            return False
        assert isinstance(error, ServiceError)
        return await may_repeat(error)

    def out_of_time(state: RetryCallState) -> bool:
        return state.upcoming_sleep >= deadline.left

    return AsyncRetrying(stop=out_of_time, wait=wait, retry=again, sleep=asyncio.sleep, reraise=True)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
