"""One trial at another DEAN, from the first call to the result, as a saga that can be taken up again anywhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

from dean_airflow.errors import DeanError, LeaseLost, StoreError, TrialCancelled
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.caches import ServiceCaches
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.trials import Trial
from dean_airflow.services.errors import CircuitOpen
from dean_airflow.services.pattern_exchange import exchange_patterns
from dean_airflow.services.remote.collecting import Collecting
from dean_airflow.services.remote.guard import Guard
from dean_airflow.services.remote.mirror import LocalTrial, Origin
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.outcome import failed_result
from dean_airflow.services.remote.steps import ServicesUnhealthy, SettingUp
from dean_airflow.services.remote.watch import PASSING, OutOfSight, states
from dean_airflow.services.saga import NotTakenBack, Outcome, Outcomes, Saga, Step
from dean_airflow.store.store import Store

TRIES = 3
"""How often a step that failed in a passing way is taken again before the trial fails; calls are retried anyway."""

Tell = Callable[[dict[str, Any]], object]
T = TypeVar("T")


class RemoteTrialEnded(DeanError):
    """The trial failed or was cancelled at the service; `status` says which."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class TrialTimeout(DeanError):
    """The trial took longer than its `timeout_seconds`."""


def worth_another_try(error: DeanError) -> bool:
    """Whether what failed may work later: a service or the store that is away or failing, not one that refuses."""
    return isinstance(error, (*PASSING, OutOfSight, ServicesUnhealthy, NotTakenBack, StoreError))


class RemoteTrial:
    """`tell` hears every new generation once and in order, `say` sentences for a log.

    Every method may be called again by any process after a crash: what was done is not done again. All may raise
    StoreError, and LeaseLost once another process works at the trial.
    """

    def __init__(
        self,
        pool: ClientPool,
        store: Store,
        trial_id: str,
        config: TrialConfig,
        options: RemoteOptions | None = None,
        *,
        origin: Origin | None = None,
        inside_dag: bool = False,
        tell: Tell = lambda generation: None,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        """`inside_dag`: a DAG run is what works here, so no other is triggered."""
        self.pool, self.store, self.trial_id, self.config = pool, store, trial_id, config
        self.options = options or RemoteOptions()
        self.origin = origin or Origin()
        self.tell, self.say = tell, say
        self._local = LocalTrial(store, trial_id)
        self._caches = ServiceCaches(pool, store)
        self._setting_up = SettingUp(pool, self._caches, config, self.options, inside_dag, say)

    async def run(self) -> dict[str, Any]:
        """The final result of the whole trial.

        Whatever ends it early takes back what was done at the services. Raises DeanError after that: what a service
        refused or failed at, TrialTimeout, RemoteTrialEnded, TrialCancelled. LeaseLost takes nothing back: the trial
        is another process's.
        """
        try:
            async with self.deadline():
                await self.start()
                return await self.finish()
        except LeaseLost:
            raise
        except BaseException as error:
            await asyncio.shield(self.stop(error))
            raise

    async def start(self) -> str:
        """Sets the trial up at the services, or attaches to it; its id there. Takes nothing back when it raises."""
        await asyncio.to_thread(self._local.open, self.config, self.origin)
        saga = await self._saga()
        outcomes = await self._patiently(lambda: saga.run(upto="dag"))
        place = {
            "service": self.pool.evolution.endpoint.name,
            "trial_id": outcomes["evolution"]["trial_id"],
            "population_id": outcomes["population"].get("population_id"),
            "dag_run_id": outcomes["dag"].get("dag_run_id"),
        }
        await asyncio.to_thread(self._local.placed, **place)
        self.say(f"Trial {self.trial_id} runs at {place['service']} as {place['trial_id']}.")
        return str(place["trial_id"])

    async def follow(self, remote_id: str) -> Trial:
        """Looks at the trial until it has ended there, writing down and telling what is new; its last state.

        Raises ServiceError when it cannot be looked at any more, TrialCancelled when somebody stopped it here.
        """
        last: Trial | None = None
        exchanged, due = 0, time.monotonic()
        looks = states(
            lambda: self.pool.evolution.trial(remote_id),
            lambda: self.pool.evolution.updates(remote_id),
            every=self.options.poll_seconds,
            errors_allowed=self.options.status_errors,
            say=self.say,
        )
        async with self._guarded(remote_id):
            async for last in looks:
                await asyncio.to_thread(self._local.progressed, last, self.tell)
                if last.patterns_discovered > exchanged and time.monotonic() >= due:
                    exchanged, due = last.patterns_discovered, time.monotonic() + self.options.exchange_seconds
                    await self._exchange()
        assert last is not None
        return last

    async def finish(self) -> dict[str, Any]:
        """The result of a trial that has ended there, collected and kept here. Raises RemoteTrialEnded."""
        known = await asyncio.to_thread(self.store.trials.get, self.trial_id)
        if known.status == "completed" and known.result:
            return known.result
        saga = await self._saga()
        outcomes = await self._patiently(saga.run)
        return dict(outcomes["persist"])

    async def stop(self, reason: BaseException | None = None) -> dict[str, Any]:
        """Takes back what was done at the services and ends the trial here: failed for `reason`, or cancelled.

        What could not be taken back is in the result's `not_taken_back`, and is tried again by the next call. A trial
        that another run of Airflow's has taken up meanwhile is left alone.
        """
        known = await asyncio.to_thread(self.store.trials.get, self.trial_id)
        if self.origin.execution and known.execution != self.origin.execution:
            self.say(f"Trial {self.trial_id} was taken up by {known.execution} meanwhile, and is left to it.")
            return known.result or failed_result(self.trial_id, self.config.repository, {})
        left = await self.take_back()
        place = await asyncio.to_thread(self._local.place)
        result = failed_result(self.trial_id, self.config.repository, place)
        if left:
            result["not_taken_back"] = left
        status, stop_reason, error = _end_of(reason)
        return await asyncio.to_thread(self._local.stopped, status, stop_reason, error, result)

    async def take_back(self) -> list[str]:
        """Takes back what was done at the services; a sentence for each thing that could not be. Harmless twice."""
        latest = await asyncio.to_thread(self.store.sagas.latest, self.trial_id)
        if latest is None or latest.state not in ("running", "compensating"):
            return []
        try:
            saga = await asyncio.to_thread(Saga, self.store.sagas, self.trial_id, self._steps(), self.say)
            return await saga.compensate()
        except LeaseLost:  # another process is taking it back right now
            return []

    def place(self) -> dict[str, Any]:
        """Where the trial runs: `service`, `trial_id`, `population_id`, `dag_run_id`; empty before it was started."""
        return self._local.place()

    async def time_left(self) -> float:
        """Seconds until the trial's deadline, counted from its attempt's first step; below 0 when it is over."""
        latest = await asyncio.to_thread(self.store.sagas.latest, self.trial_id)
        allowed = timedelta(seconds=self.options.deadline(self.config))
        if latest is None or latest.state == "compensated":
            return allowed.total_seconds()
        return (latest.created_at + allowed - self.store.now()).total_seconds()

    def timed_out(self) -> TrialTimeout:
        return TrialTimeout(
            f"Trial {self.trial_id} met its timeout of {self.options.deadline(self.config):g} s; it was cancelled."
        )

    def _steps(self) -> list[Step]:
        collecting = Collecting(self.pool, self.store, self.trial_id, self._local, self.say)
        return [
            *self._setting_up.steps(),
            Step("monitor", self._monitor),
            Step("collect", collecting.collect),
            Step("persist", collecting.persist),
        ]

    async def _saga(self) -> Saga:
        return await Saga.open(self.store.sagas, self.trial_id, self._steps(), self.say)

    async def _monitor(self, key: str, outcomes: Outcomes) -> Outcome:
        state = await self.follow(outcomes["evolution"]["trial_id"])
        if state.status != "completed":
            why = f": {state.error}" if state.error else "."
            raise RemoteTrialEnded(f"The remote trial {state.trial_id} is {state.status}{why}", state.status)
        return state.model_dump(mode="json")

    async def _patiently(self, take: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(1, TRIES):
            try:
                return await take()
            except PASSING as error:
                if isinstance(error, CircuitOpen):
                    raise
                self.say(f"Try {attempt} of {TRIES} failed, trying again: {error}")
                await asyncio.sleep(self.options.pause_seconds * attempt)
        return await take()

    async def _exchange(self) -> None:
        exchanged = await exchange_patterns(self.pool, self.store)
        for service, why in exchanged.failed.items():
            self.say(f"The patterns of {service} could not be read now: {why}")

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """The block is broken off when the trial's time is over. Raises TrialTimeout then."""
        left = await self.time_left()
        try:
            async with asyncio.timeout(max(0.0, left)):
                yield
        except TimeoutError:
            raise self.timed_out() from None

    @asynccontextmanager
    async def _guarded(self, remote_id: str) -> AsyncIterator[None]:
        """With IndexAgent watched as long as the block lasts, where there is one."""
        if not self._setting_up.has("indexagent"):
            yield
            return
        guard = Guard(self.pool, self._caches, self._local, remote_id, self.options, self.say)
        watching = asyncio.create_task(guard.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


def _end_of(reason: BaseException | None) -> tuple[str, str, str | None]:
    """The status, stop reason and error of a trial that ended for `reason`."""
    if reason is None or isinstance(reason, TrialCancelled | asyncio.CancelledError | KeyboardInterrupt):
        return "cancelled", "cancelled", None
    if isinstance(reason, RemoteTrialEnded) and reason.status == "cancelled":
        return "cancelled", "cancelled", str(reason)
    known = isinstance(reason, DeanError)
    return "failed", "error", str(reason) if known else f"{type(reason).__name__}: {reason}"
