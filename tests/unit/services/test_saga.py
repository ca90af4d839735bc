"""A saga broken off between any two of its writes and taken up again: each service is asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.errors import DeanError, LeaseLost
from dean_airflow.services.saga import Saga, Step
from dean_airflow.store.store import Store

pytestmark = pytest.mark.anyio

TRIAL = "trial-0123456789ab"
NAMES = ("population", "evolution", "dag")


class Crash(BaseException):
    """Stands for the process being killed here."""


class Service:
    """What the services know: effects by key. `broken` names steps that cannot be taken back now."""

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}
        self.made: list[str] = []
        self.broken: set[str] = set()
        self.undone: list[str] = []
        self.crash_after: str | None = None

    def step(self, name: str) -> Step:
        async def do(key: str, outcomes: Any) -> dict[str, Any]:
            assert list(outcomes) == list(NAMES[: NAMES.index(name)])
            self.effects[key] = name
            self.made.append(name)
            if self.crash_after == name:
                raise Crash
            return {"id": f"{name}-1", "key": key}

        async def undo(outcome: dict[str, Any]) -> None:
            if name in self.broken:
                raise DeanError(f"The {name} cannot be reached.")
            self.undone.append(name)
            self.effects.pop(outcome["key"], None)

        async def look_up(key: str, outcomes: Any) -> dict[str, Any] | None:
            return {"id": f"{name}-1", "key": key} if key in self.effects else None

        return Step(name, do, undo, look_up)

    @property
    def steps(self) -> list[Step]:
        return [self.step(name) for name in NAMES]


class CrashingSagas:
    """The store's sagas; its process is killed at the `at`th write, before it is made or right after."""

    def __init__(self, store: Store, at: int, after: bool) -> None:
        self._sagas, self._at, self._after, self.writes = store.sagas, at, after, 0

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._sagas, name)
        if name not in ("intend", "record", "turn"):
            return method

        def write(*arguments: Any, **rest: Any) -> Any:
            self.writes += 1
            if self.writes == self._at and not self._after:
                raise Crash
            method(*arguments, **rest)
            if self.writes == self._at:
                raise Crash

        return write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'dean.db'}") as store:
        store.trials.create(TRIAL, {"repository": "somewhere"})
        yield store


@pytest.fixture
def service() -> Service:
    return Service()


async def run(sagas: Any, service: Service) -> dict[str, Any]:
    saga = await Saga.open(sagas, TRIAL, service.steps, lambda line: None)
    return await saga.run()


async def test_steps_are_taken_once_in_their_order(store: Store, service: Service) -> None:
    outcomes = await run(store.sagas, service)
    again = await run(store.sagas, service)

    assert service.made == list(NAMES)
    assert outcomes == again
    assert [outcomes[name]["key"] for name in NAMES] == [f"{TRIAL}/1/{name}" for name in NAMES]
    assert store.sagas.latest(TRIAL).state == "completed"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
async def test_killed_at_any_write_and_run_again(store: Store, service: Service, at: int, after: bool) -> None:
    crashing = CrashingSagas(store, at, after)
    with pytest.raises(Crash):
        await run(crashing, service)

    await run(store.sagas, service)

    assert service.made == list(NAMES)
    assert store.sagas.latest(TRIAL).state == "completed"


@pytest.mark.parametrize("name", NAMES)
async def test_killed_between_the_call_and_its_outcome(store: Store, service: Service, name: str) -> None:
    service.crash_after = name
    with pytest.raises(Crash):
        await run(store.sagas, service)
    service.crash_after = None
    assert store.sagas.latest(TRIAL).step(name).state == "intended"

    await run(store.sagas, service)
    assert service.made == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_an_uncertain_step_is_looked_up_to_be_taken_back(store: Store, service: Service, name: str) -> None:
    service.crash_after = name
    with pytest.raises(Crash):
        await run(store.sagas, service)

    saga = await Saga.open(store.sagas, TRIAL, service.steps, lambda line: None)
    assert await saga.compensate() == []
    assert service.undone == list(reversed(NAMES[: NAMES.index(name) + 1]))
    assert service.effects == {}


async def test_what_never_happened_is_not_taken_back(store: Store, service: Service) -> None:
    with pytest.raises(Crash):
        await run(CrashingSagas(store, 3, after=True), service)  # the second step is intended, and was not taken
    saga = await Saga.open(store.sagas, TRIAL, service.steps, lambda line: None)

    assert await saga.compensate() == []
    assert service.undone == ["population"]


async def test_taking_back_goes_on_after_a_failure_which_is_listed(store: Store, service: Service) -> None:
    await run(store.sagas, service)
    service.broken = {"evolution"}
    said: list[str] = []
    saga = await Saga.open(store.sagas, TRIAL, service.steps, said.append)

    assert await saga.compensate() == ["evolution: The evolution cannot be reached."]
    assert service.undone == ["dag", "population"]
    assert store.sagas.latest(TRIAL).state == "compensating"
    assert store.sagas.latest(TRIAL).step("evolution").state == "undo_failed"
    assert len(said) == 1

    with pytest.raises(DeanError, match="could not be taken back: evolution"):
        await Saga.open(store.sagas, TRIAL, service.steps, said.append)
    service.broken = set()
    again = await Saga.open(store.sagas, TRIAL, service.steps, said.append)
    assert service.undone == ["dag", "population", "evolution"]
    assert (again.record.attempt, again.record.state) == (2, "running")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
async def test_killed_while_taking_back_and_taken_back_again(
    store: Store, service: Service, at: int, after: bool
) -> None:
    await run(store.sagas, service)
    saga = await Saga.open(CrashingSagas(store, at, after), TRIAL, service.steps, lambda line: None)
    with pytest.raises(Crash):
        await saga.compensate()

    saga = Saga(store.sagas, TRIAL, service.steps, lambda line: None)
    if saga.record.attempt == 1:
        assert await saga.compensate() == []
    assert service.effects == {}
    assert list(dict.fromkeys(service.undone)) == list(reversed(NAMES))
    assert store.sagas.open(TRIAL).attempt == 2


async def test_the_next_attempt_has_other_keys(store: Store, service: Service) -> None:
    await run(store.sagas, service)
    saga = await Saga.open(store.sagas, TRIAL, service.steps, lambda line: None)
    await saga.compensate()

    outcomes = await run(store.sagas, service)
    assert outcomes["evolution"]["key"] == f"{TRIAL}/2/evolution"


async def test_a_process_that_was_taken_over_stops(store: Store, service: Service) -> None:
    first = await Saga.open(store.sagas, TRIAL, service.steps, lambda line: None)
    await Saga.open(store.sagas, TRIAL, service.steps, lambda line: None)

    with pytest.raises(LeaseLost):
        await first.run()
    assert service.made == []
