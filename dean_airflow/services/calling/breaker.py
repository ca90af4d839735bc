"""The circuit breaker of one service in this process, and its link to what all processes share.

A closed circuit costs a call nothing and an open one refuses at once: both are decided on a copy in memory. The store
is written when the circuit changes and read again, behind the call's back, when the copy is older than a second.
Without a store, or while it does not answer, the copy is all there is.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from dean_airflow.services.calling import circuit as rules
from dean_airflow.services.calling.shared_circuits import STORE_SECONDS, SharedCircuits
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import CircuitOpen
from dean_airflow.services.masking import mask
from dean_airflow.store.circuits import Circuit, CircuitState, Tally

StateChange = Callable[[str, CircuitState, CircuitState], None]

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""For how long the copy is taken to be the truth."""
_RACES = 20


@dataclass(frozen=True)
class CircuitReport:
    """A breaker as it stands; counts are of this process. `success_rate` is None before the first call."""

    name: str
    state: CircuitState
    succeeded: int
    failed: int
    rejected: int
    consecutive_failures: int
    consecutive_successes: int
    success_rate: float | None
    last_failure: str | None
    last_failure_at: datetime | None


@dataclass(frozen=True)
class Pass:
    """Leave for one attempt; `probe` is the token of the one call a half-open circuit lets through."""

    probe: str | None = None


_FREE = Pass()


class CircuitBreaker:
    """Used in one event loop. `on_change` are called with name, old and new state; what they raise is logged."""

    def __init__(
        self,
        endpoint: ServiceEndpoint,
        shared: SharedCircuits,
        *,
        now: Callable[[], datetime],
        on_change: tuple[StateChange, ...] = (),
    ) -> None:
        self._endpoint = endpoint
        self._shared = shared
        self._now = now
        self._on_change = on_change
        self._circuit = Circuit(endpoint.name, url=endpoint.url)
        self._read_at: float | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._total = Tally()
        self._unreported = Tally()
        self._streak = 0

    async def admit(self, seconds: float) -> Pass:
        """Leave for an attempt that takes `seconds` at most. Raises CircuitOpen."""
        await self._keep_fresh()
        limits = rules.limits_of(self._circuit, self._endpoint.breaker)
        match rules.admit(self._circuit, limits, self._now()):
            case "pass":
                return _FREE
            case "probe":
                who = secrets.token_hex(8)
                held = seconds + 2 * STORE_SECONDS
                if await self._change(lambda one: rules.start_probe(one, limits, self._now(), who, held)):
                    return Pass(who)
        if self._circuit.state == "closed":  # another process's probes closed it in the meantime
            return _FREE
        self._count(rejected=1)
        raise self._refusal()

    async def succeeded(self, leave: Pass) -> None:
        self._count(succeeded=1)
        self._streak += 1
        if self._circuit.state != "closed" or self._circuit.failures:
            limits = rules.limits_of(self._circuit, self._endpoint.breaker)
            await self._change(lambda one: rules.after_success(one, limits, leave.probe))

    async def failed(self, leave: Pass, reason: str) -> None:
        self._count(failed=1)
        self._streak = 0
        limits = rules.limits_of(self._circuit, self._endpoint.breaker)
        await self._change(lambda one: rules.after_failure(one, limits, self._now(), mask(reason)[:500], leave.probe))

    async def proved_nothing(self, leave: Pass) -> None:
        """The attempt says nothing of the service: cancelled, or an answer that is neither good nor its failure."""
        if leave.probe is not None:
            who = leave.probe
            await self._change(lambda one: rules.end_probe(one, who))

    @property
    def is_open(self) -> bool:
        return self._circuit.state == "open"

    def report(self) -> CircuitReport:
        total = self._total.succeeded + self._total.failed
        return CircuitReport(
            name=self._endpoint.name,
            state=self._circuit.state,
            succeeded=self._total.succeeded,
            failed=self._total.failed,
            rejected=self._total.rejected,
            consecutive_failures=self._circuit.failures,
            consecutive_successes=self._streak,
            success_rate=self._total.succeeded / total if total else None,
            last_failure=self._circuit.last_failure,
            last_failure_at=self._circuit.last_failure_at,
        )

    async def close(self) -> tuple[str, str, Tally]:
        """Ends what goes on behind calls; the name, the URL, and the counts that the store has not got."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        tally, self._unreported = self._unreported, Tally()
        return self._endpoint.name, self._endpoint.url, tally

    async def _keep_fresh(self) -> None:
        if not self._shared.there:
            return
        if self._read_at is None:
            await self._refresh()
        elif time.monotonic() - self._read_at > FRESH_SECONDS and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        self._read_at = time.monotonic()
        found = await self._shared.ask(lambda store: store.get(self._endpoint.name))
        # Of the same version, what this process has learnt since or while the store was away is newer.
        if found is not None and found.version > self._circuit.version:
            self._take(self._ours(found))

    async def _change(self, rule: Callable[[Circuit], Circuit | None]) -> bool:
        """Applies a rule to the circuit as all processes have it; False where it changes nothing."""
        async with self._changing:
            written_by = secrets.token_hex(8)
            for _ in range(_RACES):
                wanted = rule(self._circuit)
                if wanted is None:
                    return False
                tally = self._unreported
                answer = await self._shared.ask(lambda store: store.put(wanted, written_by, tally))  # noqa: B023
                if answer is None:
                    self._take(wanted)
                    return True
                done, found = answer
                self._take(self._ours(found))
                if done:
                    self._unreported = _less(self._unreported, tally)
                    self._read_at = time.monotonic()
                    return True
            return False

    def _ours(self, found: Circuit) -> Circuit:
        """What was learnt of another address under the same name says nothing of this one."""
        if found.url in ("", self._endpoint.url):
            return replace(found, url=self._endpoint.url)
        fresh = Circuit(found.name, url=self._endpoint.url, version=found.version)
        return replace(
            fresh,
            failure_limit=found.failure_limit,
            success_limit=found.success_limit,
            open_seconds=found.open_seconds,
        )

    def _take(self, circuit: Circuit) -> None:
        before, self._circuit = self._circuit, circuit
        if before.state == circuit.state:
            return
        log.info("the circuit of %s: %s -> %s", circuit.name, before.state, circuit.state)
        for callback in self._on_change:
            try:
                callback(circuit.name, before.state, circuit.state)
            except Exception:
                log.exception("a callback on the circuit of %s failed", circuit.name)

    def _count(self, succeeded: int = 0, failed: int = 0, rejected: int = 0) -> None:
        added = Tally(succeeded, failed, rejected)
        self._total = _sum(self._total, added)
        self._unreported = _sum(self._unreported, added)

    def _refusal(self) -> CircuitOpen:
        limits = rules.limits_of(self._circuit, self._endpoint.breaker)
        left = rules.seconds_left(self._circuit, limits, self._now())
        why = f"; the last: {self._circuit.last_failure}" if self._circuit.last_failure else ""
        return CircuitOpen(
            f"The service {self._endpoint.name} is not called: it failed {self._circuit.failures} times in a row"
            f"{why.rstrip('.')}. It is tried again in {left:.0f} s.",
            service=self._endpoint.name,
            url=self._endpoint.url,
            retry_after=left,
            may_have_arrived=False,
        )


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(one.succeeded + other.succeeded, one.failed + other.failed, one.rejected + other.rejected)


def _less(one: Tally, other: Tally) -> Tally:
    return Tally(one.succeeded - other.succeeded, one.failed - other.failed, one.rejected - other.rejected)
