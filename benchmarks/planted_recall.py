"""How many of 100 trials find and confirm the one edit that is worth about 10 %, everything else left to default.

The target sums readings with `min` of two, which a conditional does faster, beside a derived key that no edit speeds
up; the key's rounds are counted out on this machine so that the edit is worth a tenth of the whole.
"""

from __future__ import annotations

import math
import tempfile
from functools import partial
from hashlib import pbkdf2_hmac
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks._trials import errors_of, find_champion, run_trials, write_target
from benchmarks.figure import Figure
from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import Site
from dean_airflow.evolution.edits.sources import edit_sources
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.trial_config import TrialConfig

TRIALS = 100
WORTH = 0.10
READINGS = 1500

PLANTED = Edit("catalogue", "min_max_to_conditional", "meters.py", "capped_total")
_METERS = '''"""Meter readings: capped totals, and a key to seal them with."""

from hashlib import pbkdf2_hmac


def capped_total(readings, limit):
    """Sum of the readings, none of them counted above the limit."""
    total = 0
    for reading in readings:
        total += min(reading, limit)
    return total


def key(password, rounds):
    """What a file of readings is sealed with."""
    return pbkdf2_hmac("sha256", password, b"meters", rounds)
'''
_TESTS = """from meters import capped_total, key


def test_readings_above_the_limit_count_as_the_limit():
    assert capped_total([1, 5, 9], 5) == 11


def test_passwords_give_keys_of_their_own():
    assert key(b"one", 2) != key(b"two", 2)
"""
_BENCHMARK = """import random

from meters import capped_total, key

RNG = random.Random(0)
READINGS = [RNG.randrange(100) for _ in range({readings})]


def run(seed):
    return capped_total(READINGS, seed % 100), key(b"%d" % seed, {rounds})
"""


def run(minutes: float | None) -> list[Figure]:
    """planted_recall: of 100 trials."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        room = Path(name)
        rounds = _rounds_for(WORTH)
        benchmark = _BENCHMARK.format(readings=READINGS, rounds=rounds)
        files = {"meters.py": _METERS, "tests/test_meters.py": _TESTS, "benchmark.py": benchmark}
        target = write_target(room / "target", files)
        worth = _worth(rounds)
        answers = run_trials(partial(_trial, target), TRIALS, room, minutes)
    found = sum(answer.get("found", False) for answer in answers)
    effects = [answer["speedup"] for answer in answers if answer.get("found")]
    detail = {
        "trials": len(answers),
        "found": found,
        "measured_worth": round(worth, 3),
        "edits_that_apply": len(_applicable()),
        "median_claimed_speedup": round(median(effects), 3) if effects else None,
        "missed": [answer["missed"] for answer in answers if answer.get("missed")],
        "seconds_a_trial": round(median(answer["seconds"] for answer in answers), 1),
        "errors": errors_of(answers),
    }
    return [Figure("planted_recall", round(100 * found / len(answers), 1), "of 100 trials", "higher", 95, detail)]


def _trial(target: Path, number: int, engine: Engine) -> dict[str, Any]:
    params = {"repository": str(target), "install": [], "seed": number, "publish": "none"}
    found = find_champion(f"trial-planted-{number}", params, engine)
    if found.improved and str(PLANTED) in found.validated["genome"]:
        effects = [median(ratios) for ratios in found.validated["measurement"]["log_ratios"]]
        return {"found": True, "speedup": math.exp(-sum(effects) / len(effects))}
    if not found.champion["nominated"]:
        return {"missed": "in the search"}
    return {"missed": "in the confirmation" if not found.champion["improved"] else "in the validation"}


def _applicable() -> list[Edit]:
    """The preserving edits that change the target at all: the planted one, or the figure would say nothing."""
    tree = {PLANTED.path: _METERS}
    sources = edit_sources(TrialConfig(repository=".").edit_sources)
    sites = [Site(PLANTED.path, function, 0.5) for function in ("capped_total", "key")]
    edits = {edit for site in sites for source in sources for edit in source.enumerate(site, tree)}
    return [edit for edit in edits if edit.label == "preserving" and apply_genome((edit,), tree, sources)]


def _rounds_for(worth: float) -> int:
    """Rounds of the key so that the planted edit saves `worth` of everything."""
    before, after, thousand = _seconds(1000)
    return max(1, int(1000 * ((before - after) / worth - before) / thousand))


def _worth(rounds: int) -> float:
    before, after, key = _seconds(rounds)
    return (before - after) / (before + key)


def _seconds(rounds: int) -> tuple[float, float, float]:
    """The least times of the loop as it is, of the loop with the edit, and of the key."""
    with_edit = apply_genome((PLANTED,), {PLANTED.path: _METERS}, edit_sources(["catalogue"]))[PLANTED.path]
    readings = [number % 100 for number in range(READINGS)]
    before, after = _function(_METERS), _function(with_edit)
    times = [
        (
            _timed(before, readings, 50),
            _timed(after, readings, 50),
            _timed(pbkdf2_hmac, "sha256", b"seed", b"meters", rounds),
        )
        for _ in range(200)
    ]
    return min(t[0] for t in times), min(t[1] for t in times), min(t[2] for t in times)


def _function(text: str) -> Any:
    space: dict[str, Any] = {}
    exec(text, space)
    return space["capped_total"]


def _timed(function: Any, *arguments: Any) -> float:
    started = perf_counter()
    function(*arguments)
    return perf_counter() - started
