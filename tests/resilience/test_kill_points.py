"""kill -9, stop and start of an island at moments it cannot choose: the end is the same as without."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import DeanError, StoreError, TargetError, TrialCancelled
from dean_airflow.evolution.stages.close_trial import close_trial
from dean_airflow.evolution.stages.evolve_island import evolve_island
from tests.resilience.trials import TRIAL, Home, open_small_trial, state

PATIENCE = 60.0
LOOK_AGAIN = 0.005


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A trial whose island has not begun."""
    folder = tmp_path_factory.mktemp("opened").resolve()
    home = Home(folder, folder / "cache")
    open_small_trial(home)
    return home


@pytest.fixture(scope="module")
def undisturbed(opened: Home, tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = opened.copy(tmp_path_factory.mktemp("undisturbed").resolve())
    with home.engine() as engine:
        evolve_island(TRIAL, 0, engine)
    found = state(home)
    assert len(found["evaluations"]) >= 8
    assert any(row[4] == "win" for row in found["evaluations"])
    return found


@pytest.fixture
def home(opened: Home, tmp_path: Path) -> Home:
    return opened.copy(tmp_path.resolve())


def live(home: Home) -> None:
    """The whole life of an island's process."""
    with home.engine() as engine:
        evolve_island(TRIAL, 0, engine)


def kept(home: Home) -> int:
    with home.engine() as engine:
        return engine.store.evaluations.count(TRIAL, 0)


def family(pid: int) -> dict[int, str]:
    """Every descendant of a process, with the moment it began: numbers of processes come again."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (began := birth(int(entry.name))):
            parents.setdefault(int(began[0]), []).append((int(entry.name), began[1]))
    found, waiting = {}, [pid]
    while waiting:
        for child, began_at in parents.get(waiting.pop(), []):
            found[child] = began_at
            waiting.append(child)
    return found


def birth(pid: int) -> tuple[str, str] | None:
    """Parent and start of a process that is not a zombie."""
    try:
        row = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if row[0] == "Z" else (row[1], row[19])


def kill_at(home: Home, evaluations: int, later: float) -> int:
    """Starts the island, kills it `later` seconds after it has kept so many; how many are kept then.

    Nothing of what it had started may live on.
    """
    process = multiprocessing.get_context("fork").Process(target=live, args=(home,))
    process.start()
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and kept(home) < evaluations and time.monotonic() < deadline:
        process.join(LOOK_AGAIN)
    process.join(later)
    seen = kept(home)
    descendants = family(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    deadline = time.monotonic() + PATIENCE
    while alive(descendants) and time.monotonic() < deadline:
        process.join(LOOK_AGAIN)
        multiprocessing.active_children()
    assert not alive(descendants)
    assert kept(home) >= seen
    return kept(home)


def alive(processes: dict[int, str]) -> list[int]:
    return [pid for pid, began in processes.items() if (now := birth(pid)) is not None and now[1] == began]


def points(count: int, most: int) -> Iterator[tuple[int, float]]:
    chance = random.Random(20)
    for _ in range(count):
        yield chance.randint(0, most), chance.uniform(0.0, 0.04)


def test_an_island_killed_again_and_again_ends_as_if_it_had_not_been(home: Home, undisturbed: dict) -> None:
    total = len(undisturbed["evaluations"])
    for evaluations, later in sorted(points(3, total - 3)):
        kill_at(home, evaluations, later)
    live(home)
    assert state(home) == undisturbed
    with home.engine() as engine:
        assert close_trial(TRIAL, engine, succeeded=False)["evaluations"] == total
    assert [path for path in home.scratch.iterdir() if path.is_dir()] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_an_island_killed_at_a_random_point_ends_as_if_it_had_not_been(home, undisturbed, number) -> None:
    evaluations, later = list(points(number + 1, len(undisturbed["evaluations"]) - 3))[-1]
    begun = kill_at(home, evaluations, later)
    assert state(home)["evaluations"] == undisturbed["evaluations"][:begun]
    live(home)
    assert state(home) == undisturbed


def test_an_island_that_is_stopped_keeps_what_it_has_and_goes_on_later(home: Home, undisturbed: dict) -> None:
    with home.engine(execution="first") as engine:
        with pytest.raises(TrialCancelled):
            evolve_island(TRIAL, 0, engine, stop=lambda: engine.store.evaluations.count(TRIAL) >= 4)
        result = close_trial(TRIAL, engine, succeeded=False)
    assert (result["status"], result["stop_reason"], result["evaluations"]) == ("cancelled", "cancelled", 4)
    assert result["branch"] is None
    assert [path for path in home.scratch.iterdir() if path.is_dir()] == []
    assert state(home)["evaluations"] == undisturbed["evaluations"][:4]
    with home.engine(execution="first") as engine, pytest.raises(TrialCancelled):
        evolve_island(TRIAL, 0, engine)
    with home.engine(execution="second") as engine:
        evolve_island(TRIAL, 0, engine)
        assert engine.store.trials.get(TRIAL).status == "running"
    assert state(home) == undisturbed


def test_a_trial_cancelled_by_others_refuses_what_its_island_would_still_write(home: Home) -> None:
    with home.engine() as engine:
        calls = []

        def cancel_at_three() -> bool:
            calls.append(1)
            if len(calls) == 3:
                engine.store.trials.transition(TRIAL, "cancelled", stop_reason="cancelled")
            return False

        with pytest.raises(TrialCancelled):
            evolve_island(TRIAL, 0, engine, stop=cancel_at_three)
        assert engine.store.evaluations.count(TRIAL) == 3


def test_a_store_that_goes_away_ends_the_island_in_one_sentence_and_it_goes_on_later(home, undisturbed) -> None:
    data = home.folder / "data"
    away = home.folder / "away"

    def take_away() -> bool:
        if kept(home) == 3 and not away.exists():
            data.rename(away)
            data.write_text("not a directory any more")
        return False

    with home.engine() as engine:
        with pytest.raises(DeanError) as failure:
            evolve_island(TRIAL, 0, engine, stop=take_away)
        assert isinstance(failure.value, StoreError)
        assert str(failure.value).count("\n") == 0
    data.unlink()
    away.rename(data)
    with home.engine() as engine:
        evolve_island(TRIAL, 0, engine)
    assert state(home) == undisturbed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_for_scratch_is_one_sentence_and_it_goes_on_later(home: Home, undisturbed: dict) -> None:
    home.scratch.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", home.scratch], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with home.engine() as engine, pytest.raises(DeanError) as failure:
            evolve_island(TRIAL, 0, engine)
        assert "\n" not in str(failure.value)
        assert kept(home) == 0
    finally:
        subprocess.run(["umount", home.scratch], check=True)
    live(home)
    assert state(home) == undisturbed


def test_no_room_for_scratch_is_one_sentence(home: Home) -> None:
    home.scratch.write_text("a file where the directory should be")
    with home.engine() as engine, pytest.raises(TargetError, match="scratch") as failure:
        evolve_island(TRIAL, 0, engine)
    assert "\n" not in str(failure.value)
