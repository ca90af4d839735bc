"""The daily cleaning removes what is old, orphaned or of a stopped trial, and nothing that is in use."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dean_airflow.config import Settings
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.maintenance import tidy
from dean_airflow.evolution.target.workspaces import PREFIX, workspace
from dean_airflow.evolution.workplace import workspace_name
from dean_airflow.store.store import Store

LONG_AGO = timedelta(days=200)


class Shifted:
    """The store's clock, to make rows that are old."""

    def __init__(self) -> None:
        self.back = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.back


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def engine(tmp_path: Path, clock: Shifted) -> Iterator[Engine]:
    settings = Settings(data_dir=tmp_path / "data", scratch_dir=tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    settings.data_dir.mkdir()
    with Engine(settings, Store.open(settings.store, now=clock)) as engine:
        yield engine


def ended(engine: Engine, trial_id: str, status: str) -> None:
    engine.store.trials.create(trial_id, {"repository": "/srv/a"})
    for step in ["initializing", "running", status]:
        engine.store.trials.transition(trial_id, step)


def clone_of(engine: Engine, trial_id: str, age: timedelta) -> Path:
    folder = engine.settings.scratch_dir / f"{PREFIX}{workspace_name(trial_id)}-abc"
    (folder / "target").mkdir(parents=True)
    then = time.time() - age.total_seconds()
    os.utime(folder, (then, then))
    return folder


def mirror_with_branches(engine: Engine, *trials: str) -> Path:
    mirror = engine.settings.cache_dir / "mirrors" / "a-0123.git"
    mirror.mkdir(parents=True)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(mirror), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--bare")
    tree = git("hash-object", "-t", "tree", "-w", os.devnull)
    commit = git("-c", "user.name=a", "-c", "user.email=a@invalid", "commit-tree", "-m", "a", tree)
    for trial in trials:
        git("update-ref", f"refs/heads/dean/{trial}", commit)
    git("update-ref", "refs/remotes/origin/main", commit)
    return mirror


def branches(mirror: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "-C", str(mirror), "for-each-ref", "--format=%(refname)"], check=True, capture_output=True, text=True
    )
    return listed.stdout.split()


def test_old_trials_go_with_their_artefacts_and_recent_ones_stay(engine: Engine, clock: Shifted) -> None:
    clock.back = LONG_AGO
    ended(engine, "trial-old", "completed")
    clock.back = timedelta()
    ended(engine, "trial-new", "completed")
    for trial in ("trial-old", "trial-new"):
        (engine.artifacts(trial) / "report.html").write_text("report")

    removed = tidy(engine)

    assert (removed["old_trials"], removed["artifact_folders"]) == (1, 1)
    assert [trial.id for trial in engine.store.trials.list()] == ["trial-new"]
    assert [folder.name for folder in Path(engine.settings.artifacts).iterdir()] == ["trial-new"]


def test_branches_of_stopped_trials_go_from_mirrors_and_no_others(engine: Engine) -> None:
    ended(engine, "trial-failed", "failed")
    ended(engine, "trial-good", "completed")
    mirror = mirror_with_branches(engine, "trial-failed", "trial-good", "trial-of-someone-else")

    assert tidy(engine)["branches"] == 1
    assert branches(mirror) == [
        "refs/heads/dean/trial-good",
        "refs/heads/dean/trial-of-someone-else",
        "refs/remotes/origin/main",
    ]


def test_orphaned_clones_go_and_those_in_use_or_new_stay(engine: Engine) -> None:
    orphan = clone_of(engine, "trial-ended", timedelta(days=2))
    of_nobody = clone_of(engine, "trial-unknown", timedelta(days=2))
    new = clone_of(engine, "trial-just-now", timedelta(minutes=5))

    with workspace(engine.settings.scratch_dir, workspace_name("trial-running")) as in_use:
        os.utime(in_use, (0, 0))
        assert tidy(engine)["clones"] == 2
        assert [orphan.exists(), of_nobody.exists(), in_use.exists(), new.exists()] == [False, False, True, True]


def test_a_trial_whose_run_died_has_failed(engine: Engine, clock: Shifted) -> None:
    clock.back = timedelta(days=2)
    engine.store.trials.create("trial-lost", {"repository": "/srv/a"})
    clock.back = timedelta()

    assert tidy(engine)["abandoned_trials"] == 1
    lost = engine.store.trials.get("trial-lost")
    assert (lost.status, lost.stop_reason) == ("failed", "error")


def test_cleaning_twice_removes_nothing_more(engine: Engine, clock: Shifted) -> None:
    clock.back = LONG_AGO
    ended(engine, "trial-old", "failed")
    clock.back = timedelta()
    tidy(engine)

    assert set(tidy(engine).values()) == {0}
