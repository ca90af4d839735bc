"""Whether champions keep behaviour that their trial's tests did not show: half of each library's tests is withheld.

20 short trials over three libraries, each with its own split; every other round takes behavioural edits as well. What
faces the withheld half is the published champion, or else the fittest candidate that won its screening.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._libraries import LIBRARIES
from benchmarks._trials import Found, errors_of, find_champion, private_engine, run_trials
from benchmarks.figure import Figure
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.test_runner import suite_problem
from dean_airflow.evolution.stages.open_trial import open_trial
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.evolution.workplace import workplace

TRIALS = 20
TRIAL_MINUTES = 0.75
SUITE_SECONDS = 300.0

Tested = tuple[dict[str, str], tuple[str, ...]]
"""A library's trial params, and the ids of its tests that pass."""


def run(minutes: float | None) -> list[Figure]:
    """hidden_tests: champions that pass, of 20."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        room = Path(name)
        libraries = [_tested(library.trial_params(library.unpack(room)), room) for library in LIBRARIES]
        answers = run_trials(partial(_trial, libraries), TRIALS, room, minutes)
    passed = sum(answer.get("passed", False) for answer in answers)
    changed = [answer for answer in answers if answer.get("champion") in ("published", "screened")]
    detail = {
        "trials": len(answers),
        "passed": passed,
        "champions": dict(Counter(answer.get("champion", "error") for answer in answers)),
        "passed_of_those_changed": sum(answer["passed"] for answer in changed),
        "tests_withheld": sum(answer.get("withheld", 0) for answer in answers),
        "by_trial": [answer["shown"] for answer in answers if "shown" in answer],
        "errors": errors_of(answers),
    }
    return [Figure("hidden_tests", round(TRIALS * passed / len(answers), 1), "of 20 trials", "higher", TRIALS, detail)]


def _tested(params: dict[str, str], room: Path) -> Tested:
    """Installs the library and runs all of its tests."""
    with private_engine(room) as engine:
        trial_id = f"trial-whole-{Path(params['repository']).name}"
        open_trial(trial_id, TrialConfig.build(dict(params)), engine)
        return params, tuple(engine.store.documents.get(trial_id, "opened")["baseline"]["tests"])


def _trial(libraries: list[Tested], number: int, engine: Engine) -> dict[str, Any]:
    params, tests = libraries[number % len(libraries)]
    policy = "all" if number // len(libraries) % 2 else "preserving"
    hidden = random.Random(number).sample(tests, len(tests) // 2)
    trial_params = {
        **params,
        "deselect": sorted(hidden),
        "edits": policy,
        "max_runtime_minutes": TRIAL_MINUTES,
        "seed": number,
        "publish": "none",
    }
    found = find_champion(f"trial-hidden-{number}", trial_params, engine)
    kind, genome = _champion(found, engine)
    withheld = [test for test in tests if test not in set(found.opened["baseline"]["tests"])]
    problem = _problem(found.trial_id, genome, withheld, engine) if genome else ""
    name = Path(params["repository"]).name
    shown = f"{name}, {policy}: {kind}, {len(genome)} edits, {len(withheld)} tests withheld, {problem or 'passed'}"
    return {"passed": not problem, "champion": kind, "withheld": len(withheld), "shown": shown}


def _champion(found: Found, engine: Engine) -> tuple[str, list[str]]:
    if found.improved:
        return "published", list(found.validated["genome"])
    for _, numbered in engine.store.evaluations.best(found.trial_id, limit=200):
        if numbered.evaluation.verdict == "win":
            return "screened", list(numbered.evaluation.genome)
    return "nothing changed", []


def _problem(trial_id: str, genome: list[str], withheld: list[str], engine: Engine) -> str:
    """Why the withheld tests do not pass with the champion, or empty."""
    with workplace(trial_id, engine) as place:
        files = place.apply(tuple(Edit.parse(text) for text in genome))
        arguments = list(place.settings.tests or ())
        return suite_problem(place.workshop, files, arguments, SUITE_SECONDS, withheld)
