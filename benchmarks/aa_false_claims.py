"""How often an improvement is claimed where there is none: 100 whole trials, and 1,000 replays of the decision rule.

In the trials every edit renames a variable, so each candidate is new to the judge and equal in speed; a competing
process on each core makes a run of 1 ms vary by more than 10 %. A replay is a trial of 200 candidates and of the
confirmations that would follow, drawn from A/A timings recorded in the same noise, each series as it was recorded.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from benchmarks._neutral import NAME, NeutralSource, neutral_target
from benchmarks._noise import competing
from benchmarks._trials import errors_of, find_champion, run_trials, write_target
from benchmarks._workbench import bench_of
from benchmarks.figure import Figure
from dean_airflow.evolution.edits.sources import register_edit_source
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge import sequential
from dean_airflow.evolution.judge.confirm import PAIRS_EACH, PROCESS_PAIRS, WARM_UP, Confirmation, confirmed
from dean_airflow.evolution.judge.pairs import Pair, Pairs
from dean_airflow.evolution.stages.confirm_champion import MOST_CHAMPIONS
from dean_airflow.evolution.workplace import CONFIRMING_SECONDS

TRIALS = 100
REPLAYS = 1000
EVALUATIONS = 200
FULL_MINUTES = 12.0
RECORDING_SHARE = 0.06
WORKLOAD_SECONDS = 0.001

Blocks = list[list[float]]
"""Log ratios of equals: one list a pair of processes, whose bias its values share."""


def run(minutes: float | None) -> list[Figure]:
    """aa_false_claims (of 100 trials) and aa_replay_false_claims (of 1,000 replays)."""
    register_edit_source(NAME, NeutralSource)
    budget = FULL_MINUTES if minutes is None else minutes
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        room = Path(name)
        files = neutral_target()
        if not NeutralSource().same_bytecode(files):
            raise AssertionError("The edits are not neutral on this Python: they change bytecode.")
        target = write_target(room / "target", files)
        with competing(60 * (2 * budget + 10)):
            screening, confirming, variation = _record(files, 60 * budget * RECORDING_SHARE)
            left = None if minutes is None else minutes * (1 - RECORDING_SHARE)
            answers = run_trials(partial(_trial, target), TRIALS, room, left)
    return [_of_trials(answers, variation), _of_replays(screening, confirming)]


def _trial(target: Path, number: int, engine: Engine) -> dict[str, Any]:
    params = {
        "repository": str(target),
        "install": [],
        "edit_sources": [NAME],
        "max_evaluations": EVALUATIONS,
        "generations": 100,
        "diversity_threshold": 0.0,
        "max_runtime_minutes": 10,
        "seed": number,
        "publish": "none",
    }
    found = find_champion(f"trial-aa-{number}", params, engine)
    best = engine.store.evaluations.best(found.trial_id, limit=EVALUATIONS)
    return {
        "claimed": found.improved,
        "confirmed": bool(found.champion["improved"]),
        "screening_wins": sum(numbered.evaluation.verdict == "win" for _, numbered in best),
        "evaluations": found.evaluations,
    }


def _of_trials(answers: list[dict[str, Any]], variation: float) -> Figure:
    done = [answer for answer in answers if "error" not in answer]
    detail = {
        "trials": len(done),
        "evaluations": sum(answer["evaluations"] for answer in done),
        "least_evaluations_of_a_trial": min((answer["evaluations"] for answer in done), default=0),
        "trials_with_screening_wins": sum(answer["screening_wins"] > 0 for answer in done),
        "screening_wins": sum(answer["screening_wins"] for answer in done),
        "confirmed_before_validation": sum(answer["confirmed"] for answer in done),
        "workload_variation": round(variation, 3),
        "seconds_a_trial": round(median(answer["seconds"] for answer in answers), 1),
        "errors": errors_of(answers),
    }
    claims = sum(answer["claimed"] for answer in done) + len(errors_of(answers))
    return Figure("aa_false_claims", claims, "of 100 trials", "lower", 1, detail)


def _record(files: dict[str, str], seconds: float) -> tuple[Blocks, Blocks, float]:
    """Screening and confirming blocks, recorded on all cores at once as trials would, and how much a run varies."""
    cores = sorted(os.sched_getaffinity(0))[-2:]
    with multiprocessing.get_context("fork").Pool(len(cores)) as pool:
        shares = pool.starmap(_record_on, [(files, core, seconds) for core in cores])
    screening = [block for share in shares for block in share[0]]
    return screening, [block for share in shares for block in share[1]], fmean(share[2] for share in shares)


def _record_on(files: dict[str, str], core: int, seconds: float) -> tuple[Blocks, Blocks, float]:
    screening: Blocks = []
    confirming: Blocks = []
    runs: list[float] = []
    source = NeutralSource()
    rng = random.Random(core)
    with bench_of(files, "benchmark:run", WORKLOAD_SECONDS) as bench:
        warm = bench.pairs(core)
        end = time.monotonic() + seconds
        half = time.monotonic() + seconds / 2
        try:
            while time.monotonic() < half or not screening:
                taken = _taken(warm, source, files, sequential.WIN_AT[-1], rng)
                screening.append([pair.log_ratio for pair in taken])
                runs += [pair.baseline[0] for pair in taken]
        finally:
            warm.close()
        while time.monotonic() < end or not confirming:
            fresh = bench.fresh(core, rng.randrange(1, 2**32), int(CONFIRMING_SECONDS / WORKLOAD_SECONDS))
            try:
                counted = _taken(fresh, source, files, WARM_UP + PAIRS_EACH, rng)[WARM_UP:]
                confirming.append([math.log(pair.candidate[1] / pair.baseline[1]) for pair in counted])
            finally:
                fresh.close()
    return screening, confirming, stdev(runs) / fmean(runs)


def _taken(pairs: Pairs, source: NeutralSource, files: dict[str, str], count: int, rng: random.Random) -> list[Pair]:
    """Pairs of an equal candidate."""
    number = rng.randrange(10**6)
    pairs.open({"work.py": files["work.py"].replace("total", f"total_{number}")})
    return pairs.take([rng.randrange(2**31) for _ in range(count)], [False] * count)


def _of_replays(screening: Blocks, confirming: Blocks) -> Figure:
    rng = random.Random(0)
    wins = [0] * REPLAYS
    claims = 0
    for replay in range(REPLAYS):
        wins[replay] = sum(_screens(rng.choice(screening), rng) for _ in range(EVALUATIONS))
        champions = [_confirmation(confirming, rng) for _ in range(min(wins[replay], MOST_CHAMPIONS))]
        claims += any(confirmed(champions))
    detail = {
        "candidates_each": EVALUATIONS,
        "screening_wins": sum(wins),
        "replays_with_screening_wins": sum(count > 0 for count in wins),
        "recorded_process_pairs": {"screening": len(screening), "confirming": len(confirming)},
    }
    return Figure("aa_replay_false_claims", claims, "of 1000 replays", "lower", 2, detail)


def _screens(block: list[float], rng: random.Random) -> bool:
    """Whether a candidate wins its screening with the pairs of one pair of processes, from any of them on."""
    start = rng.randrange(len(block))
    pairs = block[start:] + block[:start]
    for upto in sequential.CHECKPOINTS:
        decision = sequential.decide(pairs[:upto])
        if decision != "more":
            return decision == "win"
    return False


def _confirmation(blocks: Blocks, rng: random.Random) -> Confirmation:
    """Of different process pairs while there are enough."""
    chosen = rng.sample(blocks, PROCESS_PAIRS) if len(blocks) >= PROCESS_PAIRS else rng.choices(blocks, k=PROCESS_PAIRS)
    return Confirmation(tuple(tuple(block) for block in chosen), (), ())
