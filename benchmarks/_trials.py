"""What benchmarks of whole trials share: a private installation in a temporary directory, and trials two at a time."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.errors import DeanError
from dean_airflow.evolution import trial as stages
from dean_airflow.evolution.engine import Engine, open_engine
from dean_airflow.evolution.trial_config import TrialConfig


@dataclass(frozen=True)
class Found:
    """What a trial's stages left in the store."""

    trial_id: str
    seconds: float
    opened: dict[str, Any]
    islands: tuple[dict[str, Any], ...]
    champion: dict[str, Any]
    validated: dict[str, Any]

    @property
    def improved(self) -> bool:
        """Whether the trial would claim an improvement and publish it."""
        return bool(self.validated["improved"])

    @property
    def evaluations(self) -> int:
        return sum(island["evaluations"] for island in self.islands)


@contextmanager
def private_engine(room: Path, name: str = "main") -> Iterator[Engine]:
    """An engine whose store is its own; environments and locks of cores are shared by all engines of the room."""
    settings = Settings(data_dir=room / name, cache_dir=room / "cache", scratch_dir=room / "scratch" / name)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with open_engine(settings) as engine:
        yield engine


def find_champion(trial_id: str, params: Mapping[str, Any], engine: Engine) -> Found:
    """A trial up to its claim: everything but publishing. Patterns are not kept, so trials do not help one another.

    Raises DeanError.
    """
    started = time.perf_counter()
    config = TrialConfig.build(dict(params))
    stages.preflight(config, engine)
    opened = stages.open_trial(trial_id, config, engine)
    islands = tuple(stages.evolve_island(trial_id, island, engine) for island in opened["islands"])
    champion = stages.confirm_champion(trial_id, engine)
    validated = stages.validate_champion(trial_id, engine)
    document = engine.store.documents.get(trial_id, "opened")
    return Found(trial_id, time.perf_counter() - started, document, islands, champion, validated)


Trial = Callable[[int, Engine], dict[str, Any]]
"""Runs the trial of a number and answers what is counted of it."""


def run_trials(trial: Trial, count: int, room: Path, minutes: float | None, at_once: int = 2) -> list[dict[str, Any]]:
    """The answers of `count` trials, `at_once` in parallel; with `minutes`, of as many as begin in that time.

    A trial that raises is counted with `error`: a target that trials fail on is no evidence of anything.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    at_once = min(at_once, len(os.sched_getaffinity(0)))
    with multiprocessing.get_context("fork").Pool(at_once) as pool:
        shares = pool.starmap(_share, [(trial, range(first, count, at_once), room, until) for first in range(at_once)])
    return [answer for share in shares for answer in share]


def _share(trial: Trial, numbers: range, room: Path, until: float | None) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    with private_engine(room, f"worker-{numbers.start}") as engine:
        for number in numbers:
            if until is not None and answers and time.monotonic() > until:
                break
            started = time.perf_counter()
            try:
                answer = trial(number, engine)
            except DeanError as error:
                answer = {"error": f"trial {number}: {error}"}
            answers.append({**answer, "seconds": time.perf_counter() - started})
    return answers


def errors_of(answers: list[dict[str, Any]]) -> list[str]:
    """What went wrong in trials, for a figure's detail."""
    return [answer["error"] for answer in answers if "error" in answer]


def write_target(folder: Path, files: Mapping[str, str]) -> Path:
    """A plain folder as a target."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder
