"""Circuit breakers at work: over real calls, in one process and, through the store, in several."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest
from aiohttp import web
from sqlalchemy import create_engine

from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import CircuitOpen, NotFound, ServiceError, ServiceFault, ServiceUnavailable
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.circuits import Circuit
from dean_airflow.store.store import Store, utc_now

from .scripted import TRIAL, Scripted, drops, hangs, json_answer, nobody, refused, scripted_in_a_thread

pytestmark = pytest.mark.anyio

ONCE = RetryPolicy(attempts=1)


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return utc_now() + self.ahead

    def move(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed_store(store_url: str, clock: Clock):
    with Store.open(store_url, now=clock) as store:
        yield store


async def fail(pool: ServicePool, times: int, kind: type = ServiceError) -> None:
    for _ in range(times):
        with pytest.raises(kind):
            await pool.evolution.trial("trial-1")


async def call_once_it_may(pool: ServicePool) -> None:
    """What another process changed is known here within a second or so."""
    async with asyncio.timeout(10):
        while True:
            try:
                await pool.evolution.trial("trial-1")
                return
            except CircuitOpen:
                await asyncio.sleep(0.02)


def state(pool: ServicePool) -> str:
    return pool.circuits()[0].state


@pytest.mark.parametrize("fault", [refused(500), refused(503), drops])
async def test_it_opens_after_five_failures_and_then_calls_nobody(
    service: Scripted, evolution: ServiceEndpoint, fault
) -> None:
    service.answers(fault)
    async with ServicePool([evolution], retry=ONCE) as pool:
        await fail(pool, 5)
        await fail(pool, 3, CircuitOpen)
        report = pool.circuits()[0]
    assert len(service.calls) == 5
    assert (report.state, report.failed, report.rejected, report.consecutive_failures) == ("open", 5, 3, 5)
    assert report.last_failure and report.last_failure_at and report.success_rate == 0.0


async def test_timeouts_count(service: Scripted) -> None:
    service.answers(hangs)
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, timeout=0.02, breaker=BreakerLimits(failures=2))
    async with ServicePool([endpoint], retry=ONCE) as pool:
        await fail(pool, 2)
        assert state(pool) == "open"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
async def test_what_the_service_refuses_does_not_count(
    service: Scripted, evolution: ServiceEndpoint, status: int
) -> None:
    service.answers(refused(status))
    async with ServicePool([evolution], retry=ONCE) as pool:
        await fail(pool, 8)
        assert state(pool) == "closed"


async def test_attempts_end_when_the_circuit_opens(service: Scripted) -> None:
    service.answers(refused(503))
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, breaker=BreakerLimits(failures=2))
    async with ServicePool([endpoint], retry=RetryPolicy(first=0.001)) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.evolution.trial("trial-1")
    assert not isinstance(raised.value, CircuitOpen)
    assert len(service.calls) == 2


async def test_it_closes_after_two_good_probes(
    service: Scripted, evolution: ServiceEndpoint, timed_store: Store, clock: Clock
) -> None:
    changes: list[tuple[str, str]] = []
    service.answers(refused(500))

    def note(name: str, old: str, new: str) -> None:
        changes.append((old, new))
        raise RuntimeError("a callback's own trouble")

    async with ServicePool([evolution], store=timed_store, retry=ONCE, on_circuit_change=[note]) as pool:
        await fail(pool, 5)
        clock.move(60)
        service.answers(json_answer(TRIAL))
        await pool.evolution.trial("trial-1")
        assert state(pool) == "half_open"
        await pool.evolution.trial("trial-1")
        assert state(pool) == "closed"
    assert changes == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]


async def test_a_probe_that_fails_opens_it_again(
    service: Scripted, evolution: ServiceEndpoint, timed_store: Store, clock: Clock
) -> None:
    service.answers(refused(500))
    async with ServicePool([evolution], store=timed_store, retry=ONCE) as pool:
        await fail(pool, 5)
        clock.move(60)
        await fail(pool, 1, ServiceFault)
        await fail(pool, 1, CircuitOpen)
    assert len(service.calls) == 6


async def test_one_probe_at_a_time_over_all_processes(
    service: Scripted, evolution: ServiceEndpoint, store_url: str, clock: Clock
) -> None:
    """Two pools with a store each are what two processes are to each other."""
    service.answers(refused(500))
    with Store.open(store_url, now=clock) as mine, Store.open(store_url, now=clock) as yours:
        async with (
            ServicePool([evolution], store=mine, retry=ONCE) as pool,
            ServicePool([evolution], store=yours, retry=ONCE) as other,
        ):
            await fail(pool, 5)
            await fail(other, 1, CircuitOpen)  # which has seen no failure itself
            clock.move(60)
            release = asyncio.Event()

            async def slow(request):
                await release.wait()
                return await json_answer(TRIAL)(request)

            service.answers(slow)
            before = len(service.calls)
            probe = asyncio.create_task(pool.evolution.trial("trial-1"))
            await service.was_called(before + 1)
            await fail(other, 3, CircuitOpen)
            await fail(pool, 3, CircuitOpen)
            release.set()
            await probe
            await call_once_it_may(other)
            assert state(other) == "closed"
    assert len(service.calls) == before + 2


async def test_a_cancelled_probe_leaves_its_place_to_the_next(
    service: Scripted, evolution: ServiceEndpoint, timed_store: Store, clock: Clock
) -> None:
    service.answers(refused(500))
    async with ServicePool([evolution], store=timed_store, retry=ONCE) as pool:
        await fail(pool, 5)
        clock.move(60)
        service.answers(hangs)
        probe = asyncio.create_task(pool.evolution.trial("trial-1"))
        await service.was_called(6)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        service.answers(json_answer(TRIAL))
        await pool.evolution.trial("trial-1")


async def test_another_processs_reset_is_noticed(service: Scripted, evolution: ServiceEndpoint, store: Store) -> None:
    service.answers(refused(500))
    async with ServicePool([evolution], store=store, retry=ONCE) as pool:
        await fail(pool, 5)
        store.circuits.reset("evolution", "from the command line")
        service.answers(json_answer(TRIAL))
        await call_once_it_may(pool)
        assert state(pool) == "closed"


async def test_limits_set_from_outside_hold(service: Scripted, evolution: ServiceEndpoint, store: Store) -> None:
    store.circuits.configure("evolution", "cli", failure_limit=2, success_limit=None, open_seconds=None)
    service.answers(refused(500))
    async with ServicePool([evolution], store=store, retry=ONCE) as pool:
        await fail(pool, 2)
        assert state(pool) == "open"


async def test_another_address_under_the_same_name_starts_anew(service: Scripted, store: Store) -> None:
    dead = ServiceEndpoint("evolution", "evolution", await nobody())
    async with ServicePool([dead], store=store, retry=ONCE) as pool:
        await fail(pool, 5)
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url)], store=store) as pool:
        assert (await pool.evolution.trial("trial-1")).trial_id == "trial-1"


async def test_counts_of_all_processes_add_up(service: Scripted, evolution: ServiceEndpoint, store: Store) -> None:
    for _ in range(2):
        service.answers(json_answer(TRIAL), refused(404), refused(500))
        async with ServicePool([evolution], store=store, retry=ONCE) as pool:
            await pool.evolution.trial("trial-1")
            await fail(pool, 1, NotFound)
            await fail(pool, 2)
    circuit = store.circuits.get("evolution")
    assert (circuit.succeeded_total, circuit.failed_total, circuit.rejected_total) == (4, 4, 0)


async def test_a_locked_store_holds_no_call_up(
    service: Scripted, evolution: ServiceEndpoint, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on with what this process knows; the lock is held by another connection all the time."""
    service.answers(refused(500))
    with Store.open(store_url) as store:
        async with ServicePool([evolution], store=store, retry=ONCE) as pool:
            await fail(pool, 1)
            with locked(store_url):
                await fail(pool, 4)
                await fail(pool, 20, CircuitOpen)
                assert state(pool) == "open"
    assert "without the store" in caplog.text


@contextlib.contextmanager
def locked(store_url: str) -> Iterator[None]:
    """All circuits are locked by another connection, and stay so."""
    engine = create_engine(store_url, isolation_level="AUTOCOMMIT")
    sqlite = store_url.startswith("sqlite")
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "BEGIN; LOCK TABLE dean_circuits IN EXCLUSIVE MODE")
        yield
        other.exec_driver_sql("ROLLBACK")
    engine.dispose()


async def test_a_dead_services_neighbour_is_served(service: Scripted, evolution: ServiceEndpoint) -> None:
    dead = ServiceEndpoint("indexagent", "indexagent", await nobody())
    async with ServicePool([evolution, dead], retry=ONCE) as pool:
        for _ in range(8):
            with pytest.raises(ServiceUnavailable):
                await pool.indexagent.index_status()
            await pool.evolution.trial("trial-1")
        health = await pool.check_all_services()
    assert health.services["indexagent"].circuit == "open"
    assert health.services["evolution"].status == "healthy"


def _fail_in_a_process(url: str, store_url: str, times: int) -> None:
    async def work() -> None:
        with Store.open(store_url) as store:
            endpoint = ServiceEndpoint("evolution", "evolution", url, breaker=BreakerLimits(failures=8))
            async with ServicePool([endpoint], store=store, retry=ONCE) as pool:
                for _ in range(times):
                    with contextlib.suppress(ServiceError):
                        await pool.evolution.trial("trial-1")

    asyncio.run(work())


def test_real_processes_count_failures_together(store_url: str, store: Store) -> None:
    url = asyncio.run(nobody())
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_fail_in_a_process, args=(url, store_url, 4)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    circuit = store.circuits.get("evolution")
    assert (circuit.state, circuit.failures, circuit.failed_total) == ("open", 8, 8)


def _probe_in_a_process(url: str, store_url: str, together: Barrier, outcomes: Queue[str]) -> None:
    async def work() -> str:
        with Store.open(store_url) as store:
            async with ServicePool([ServiceEndpoint("evolution", "evolution", url)], store=store, retry=ONCE) as pool:
                together.wait()
                try:
                    await pool.evolution.trial("trial-1")
                except CircuitOpen:
                    return "refused"
                return "answered"

    outcomes.put(asyncio.run(work()))


def test_of_all_processes_one_gets_to_probe(store_url: str, store: Store) -> None:
    """Six of them come to a circuit whose minute is over; the service answers only when the other five were refused."""
    with scripted_in_a_thread() as service:
        go_on = threading.Event()

        async def hold(request: web.Request) -> web.StreamResponse:
            await asyncio.to_thread(go_on.wait)
            return await json_answer(TRIAL)(request)

        service.answers(hold)
        opened = Circuit("evolution", service.url, "open", failures=5, opened_at=utc_now() - timedelta(seconds=61))
        store.circuits.put(opened, "test")
        context = multiprocessing.get_context("fork")
        together, outcomes = context.Barrier(6), context.Queue()
        processes = [
            context.Process(target=_probe_in_a_process, args=(service.url, store_url, together, outcomes))
            for _ in range(6)
        ]
        for process in processes:
            process.start()
        assert [outcomes.get(timeout=30) for _ in range(5)] == ["refused"] * 5
        go_on.set()
        assert outcomes.get(timeout=30) == "answered"
        for process in processes:
            process.join()
        assert len(service.calls) == 1
    assert store.circuits.get("evolution").state == "half_open"
