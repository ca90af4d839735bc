"""Faults in one running trial: IndexAgent dies, Evolution slows, the store goes; each alone, and in sequence.

What is promised: the trial is started once, no generation is told twice or left out, nothing is lost, and it completes
when what was gone is back. While IndexAgent is gone the trial is flagged paused and the other services' calls are as
quick as before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.store.store import Store
from dean_airflow.testing import Scenario, StubServices
from tests.resilience.services.remote import TRIAL, Trials, until

pytestmark = pytest.mark.anyio

GENERATIONS = 6
BY_HAND = Scenario(steps=("start", *["generation"] * GENERATIONS, "complete"), pace=None)  # type: ignore[arg-type]
Happening = Callable[["Cascade"], Awaitable[None]]


class Cascade:
    """A trial that takes a step when a test says so, and what happens around it."""

    def __init__(self, trials: Trials, stubs: StubServices) -> None:
        self.trials, self.stubs = trials, stubs

    async def step(self) -> None:
        """One more generation, until it was told here."""
        known = len(self.trials.told)
        await asyncio.to_thread(self.stubs.evolution.advance)
        await until(lambda: len(self.trials.told) > known)

    @property
    def paused(self) -> bool:
        return bool(self.trials.store.documents.get(TRIAL, "remote").get("paused"))


async def indexagent_dies(cascade: Cascade) -> None:
    """Noticed, its circuit opened, the trial flagged paused; the rest is served; it resumes when it is back."""
    stubs, store = cascade.stubs, cascade.trials.store
    await asyncio.to_thread(stubs.kill, stubs.indexagent)
    await until(lambda: cascade.paused)
    await until(lambda: store.circuits.get("indexagent").state == "open")
    assert store.trials.get(TRIAL).status == "running"
    assert store.circuits.get("evolution").state == "closed"
    async with cascade.trials.pool() as pool:
        assert (await pool.evolution.trials()).total == 1
    await asyncio.to_thread(stubs.revive, stubs.indexagent)
    await until(lambda: not cascade.paused)


async def evolution_slows(cascade: Cascade) -> None:
    """Every look takes its time; the trial is followed all the same, and nothing is asked twice for it."""
    stubs = cascade.stubs
    stubs.evolution.faults.add("latency", seconds=0.4, count=None)
    stubs.evolution.faults.add("latency", method="WS", seconds=0.4, count=None)
    await cascade.step()
    stubs.evolution.faults.clear()


async def the_store_goes(cascade: Cascade) -> None:
    """Locked by somebody for longer than a transaction takes: writes wait, and are made once it is back."""
    known = len(cascade.trials.told)
    path = str(cascade.trials.store.database.url.database)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        await asyncio.to_thread(cascade.stubs.evolution.advance)
        await asyncio.sleep(0.5)
        assert len(cascade.trials.told) == known
        intruder.execute("ROLLBACK")
    await until(lambda: len(cascade.trials.told) > known)


HAPPENINGS = {"indexagent dies": indexagent_dies, "evolution slows": evolution_slows, "the store goes": the_store_goes}


@pytest.mark.parametrize(
    "happenings",
    [*[[one] for one in HAPPENINGS], list(HAPPENINGS), list(reversed(HAPPENINGS))],
    ids=lambda names: ", then ".join(names),
)
async def test_the_trial_survives(trials: Trials, stub_services: StubServices, happenings: list[str]) -> None:
    stub_services.evolution.script(BY_HAND)
    running = asyncio.create_task(trials.run())
    cascade = Cascade(trials, stub_services)
    await until(lambda: stub_services.evolution.trials)
    await asyncio.to_thread(stub_services.evolution.advance)
    await cascade.step()
    for name in happenings:
        await HAPPENINGS[name](cascade)
        await cascade.step()
    await asyncio.to_thread(stub_services.evolution.advance, None, 20)
    result = await running

    assert result["status"] == "completed"
    assert trials.told == list(range(1, GENERATIONS + 1))
    assert trials.started == ["completed"]
    assert len(stub_services.evolution.requests.of("POST", "/evolution/start")) == 1
    assert len(trials.dag_runs) == 1
    (remote,) = stub_services.evolution.trials.values()
    kept = trials.store.trials.get(TRIAL)
    assert kept.improvements == pytest.approx(remote.evolution.improvements)
    kinds = [event.kind for event in trials.store.events.since(TRIAL)]
    assert kinds.count("trial_paused") == kinds.count("trial_resumed") == happenings.count("indexagent dies")


@pytest.mark.slow  # whoever goes on waits until the lease of the one that gave up has ended
async def test_the_store_that_stays_away_ends_the_work_and_not_the_trial(
    trials: Trials, stub_services: StubServices
) -> None:
    """Whoever worked at it gives up in one sentence; with the store back, the next one goes on with the trial."""
    patient, trials.store = trials.store, Store.open(str(trials.store.database.url), patience=0.3)
    stub_services.evolution.script(BY_HAND)
    running = asyncio.create_task(trials.run())
    await until(lambda: stub_services.evolution.trials)
    await asyncio.to_thread(stub_services.evolution.advance, None, 2)
    await until(lambda: trials.told)
    path = str(patient.database.url.database)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        await asyncio.to_thread(stub_services.evolution.advance)
        with pytest.raises(StoreError):
            await running
        intruder.execute("ROLLBACK")

    trials.store = patient
    assert patient.trials.get(TRIAL).status == "running"
    again = asyncio.create_task(trials.run())
    await asyncio.to_thread(stub_services.evolution.advance, None, 20)
    assert (await again)["status"] == "completed"
    assert trials.started == ["completed"]
