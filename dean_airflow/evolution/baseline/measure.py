"""Measures the unchanged target, and refuses what cannot be judged: see `measure_baseline`."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.baseline.command import ProfileRow, measure_command
from dean_airflow.evolution.edits.source import Site
from dean_airflow.evolution.judge.test_runner import whole_suite
from dean_airflow.evolution.judge.worker import RequestFailed, Worker, WorkerDied, Workshop
from dean_airflow.evolution.target.target import TargetSettings
from dean_airflow.evolution.worker.clock import STEP_LIMIT

LEAST_SECONDS = 0.001
"""A measurement shorter than this is repeated until it is that long."""
NOISE_RUNS = 20
LEAST_WEIGHT = 0.002
"""A function with a smaller share of the benchmark's time is no site: nothing done there could be measured."""
MOST_SITES = 60
SHOWN_FAILURES = 10

Order = dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """One run of the target's whole test suite."""

    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float


def measure_baseline(
    workshop: Workshop,
    settings: TargetSettings,
    files: Sequence[str],
    weighted: Collection[str],
    core: int | None,
    runtime_limit: float,
    keep_going: Callable[[], None],
) -> tuple[Baseline, Order]:
    """The baseline, and the order that starts a worker on the target's workload.

    `files`: paths that may change; `weighted`: the objectives with a weight; `runtime_limit`: seconds of the whole
    trial. `keep_going` is called between steps and may raise to stop. Raises BaselineError in one sentence for
    failing or missing tests, a benchmark that fails, gives different outputs for the same inputs, or takes too long,
    and a clock too coarse to measure by.
    """
    if "memory" in weighted and settings.workload.kind == "command":
        raise BaselineError(
            "Peak memory cannot be an objective of a benchmark that is a command: take `memory` out of `objectives`, "
            "or name a callable as the benchmark."
        )
    suite = run_suite(workshop, settings, runtime_limit)
    keep_going()
    order = workload_order(settings, suite)
    try:
        if order["kind"] == "command":
            found, rows = measure_command(workshop, order["command"], core, runtime_limit)
        else:
            found, rows = _measure_worker(workshop, order, core, runtime_limit)
        keep_going()
        coverage = _coverage(workshop, settings, suite, files)
    except (WorkerDied, RequestFailed) as error:
        raise BaselineError(f"The target cannot be measured: {error}; see that its benchmark runs by itself.") from None
    return (
        Baseline(
            tests=suite.passed,
            skipped=(*suite.skipped, *settings.deselect),
            sites=_sites(rows, files),
            coverage=coverage,
            suite_seconds=suite.seconds,
            **found,
        ),
        order,
    )


def _measure_worker(
    workshop: Workshop, order: Order, core: int | None, runtime_limit: float
) -> tuple[dict[str, Any], list[ProfileRow]]:
    with Worker(workshop, order) as worker:
        choose(worker, order)
        found = _measured(worker, core, runtime_limit)
        _refuse_chance(workshop, order, worker, found, core)
        limit = max(found["seconds"] * found["repeats"] * 200, 10.0)
        answer = worker.request("profile", limit, seeds=[21, 22, 23], repeats=found["repeats"])
    return found, [(path, function, seconds) for path, function, seconds in answer["functions"]]


def run_suite(workshop: Workshop, settings: TargetSettings, limit: float) -> Suite:
    """Runs the tests as they are, in a fresh process. Raises BaselineError naming those that fail."""
    if settings.tests is None:
        raise BaselineError(
            "The target has no tests, so nothing could show that its behaviour is kept: add pytest tests, "
            "or name them with the param `tests`."
        )
    try:
        answer = whole_suite(workshop, {}, suite_arguments(settings), limit)
    except RequestFailed as error:
        raise BaselineError(f"The target's tests {error} (limit: {limit:.0f} s, the trial's run time).") from None
    except WorkerDied as error:
        raise BaselineError(f"The target's tests end their process: {error}.") from None
    failing = [one for one, outcome in answer["outcomes"].items() if outcome == "failed"]
    if answer["collection_errors"] or failing:
        raise BaselineError(_failures_sentence(answer["collection_errors"], failing, answer["failures"]))
    passed = tuple(one for one, outcome in answer["outcomes"].items() if outcome == "passed")
    if not passed:
        raise BaselineError("The target's test selection runs no test: correct the param `tests`.")
    skipped = tuple(one for one, outcome in answer["outcomes"].items() if outcome == "skipped")
    return Suite(passed, skipped, float(answer["seconds"]))


def _failures_sentence(errors: Sequence[str], failing: Sequence[str], reasons: Mapping[str, str]) -> str:
    names = [*errors, *(f"{one} ({reasons.get(one, 'failed')})" for one in failing)]
    more = f", and {len(names) - SHOWN_FAILURES} more" if len(names) > SHOWN_FAILURES else ""
    return (
        f"{len(names)} of the target's tests fail before anything is changed: "
        f"{'; '.join(names[:SHOWN_FAILURES])}{more}. "
        "Mend them, or list their ids in the param `deselect` to leave them out."
    )


def suite_arguments(settings: TargetSettings) -> list[str]:
    """pytest's arguments for the whole suite without the deselected tests."""
    deselected = [part for one in settings.deselect for part in ("--deselect", one)]
    return [*(settings.tests or ()), *deselected]


def workload_order(settings: TargetSettings, suite: Suite) -> Order:
    """What a worker is told to load. Raises BaselineError for a workload that selects nothing."""
    workload = settings.workload
    if workload.kind == "callable":
        return {"kind": "callable", "spec": workload.spec}
    if workload.kind == "pytest":
        return {"kind": "tests", "tests": shlex.split(workload.spec)}
    if workload.kind == "command":
        return {"kind": "command", "command": shlex.split(workload.spec)}
    return {"kind": "tests", "tests": suite_arguments(settings), "chosen": list(suite.passed)}


def choose(worker: Worker, order: Order) -> None:
    """Tells a parked session which tests are the workload."""
    if "chosen" in order:
        worker.request("choose", 10.0, ids=order["chosen"])


def _measured(worker: Worker, core: int | None, runtime_limit: float) -> dict[str, Any]:
    """seconds, repeats, noise, takes_seed, mode and mode_reason of the benchmark."""
    ready = worker.ready
    if ready["clock_step"] > STEP_LIMIT:
        raise BaselineError(
            f"The clock moves in steps of {ready['clock_step'] * 1e6:.0f} µs here, too coarse to measure by."
        )
    if ready.get("raised"):
        raise BaselineError(f"The benchmark fails with the unchanged target: it {ready['says']}.")
    first = _runs(worker, core, [1, 2, 3], 1, runtime_limit)
    seconds = median(first)
    if seconds * 200 > runtime_limit:
        raise BaselineError(
            f"One run of the benchmark takes {seconds:.1f} s, too long to compare candidates within "
            f"{runtime_limit / 60:g} minutes: shorten it (about 10 ms is best), or raise `max_runtime_minutes`."
        )
    repeats = _repeats(worker, core, seconds, runtime_limit)
    runs = _runs(worker, core, range(100, 100 + NOISE_RUNS), repeats, runtime_limit)
    mode, reason = "warm", ""
    if ready["threads"] > 1:
        mode, reason = "fresh", f"the target starts {ready['threads'] - 1} threads when imported"
    elif ready["extensions"]:
        mode, reason = "fresh", f"it has C extensions of its own ({', '.join(ready['extensions'])})"
    return {
        "seconds": median(runs) / repeats,
        "repeats": repeats,
        "noise": _noise(runs),
        "takes_seed": bool(ready["takes_seed"]),
        "mode": mode,
        "mode_reason": reason,
    }


def _noise(runs: Sequence[float]) -> float:
    """Coefficient of variation, from the median absolute deviation (× 1.4826): a single outlier is no noise."""
    middle = median(runs)
    return 1.4826 * median(abs(one - middle) for one in runs) / middle


def _repeats(worker: Worker, core: int | None, seconds: float, runtime_limit: float) -> int:
    """Runs that make a measurement long enough; asked again, because the first runs of a process are the slowest."""
    repeats = 1
    for _ in range(4):
        needed = max(1, math.ceil(0.9 * LEAST_SECONDS / max(seconds, 1e-7)))
        if needed <= 1.2 * repeats:
            break
        repeats = needed
        seconds = median(_runs(worker, core, [50, 51, 52], repeats, runtime_limit)) / repeats
    return repeats


def _runs(worker: Worker, core: int | None, seeds: Sequence[int], repeats: int, limit: float) -> list[float]:
    answer = worker.request("single", limit, seeds=list(seeds), checks=[False] * len(seeds), repeats=repeats, core=core)
    if "failed" in answer:
        raise BaselineError(f"The benchmark fails with the unchanged target: it {answer['failed']}.")
    return [float(row["run"][0]) for row in answer["rows"]]


def _refuse_chance(workshop: Workshop, order: Order, worker: Worker, found: dict[str, Any], core: int | None) -> None:
    """Same inputs, same hash seed: same output, in one process and in two, or nothing could be compared."""
    limit = max(found["seconds"] * found["repeats"] * 100, 5.0)
    seeds = [11, 11, 12]
    here = _digests(worker, seeds, found["repeats"], limit, core)
    with Worker(workshop, order) as other:
        choose(other, order)
        there = _digests(other, seeds, found["repeats"], limit, core)
    if here[0] != here[1] or here != there:
        raise BaselineError(
            "The benchmark gives different outputs for the same inputs (time, randomness or addresses in what it "
            "returns?), so a candidate's could not be compared: make it depend on its `seed` alone."
        )


def _digests(worker: Worker, seeds: Sequence[int], repeats: int, limit: float, core: int | None) -> list[str]:
    answer = worker.request("single", limit, seeds=list(seeds), checks=[True] * len(seeds), repeats=repeats, core=core)
    if "failed" in answer:
        raise BaselineError(f"The benchmark fails with the unchanged target: it {answer['failed']}.")
    return [str(row["digest"]) for row in answer["rows"]]


def _sites(rows: Sequence[ProfileRow], files: Sequence[str]) -> tuple[Site, ...]:
    """Functions of the files that may change, by their share of the benchmark's time."""
    total = sum(seconds for _, _, seconds in rows) or 1.0
    allowed = set(files)
    sites = [
        Site(path, function, seconds / total)
        for path, function, seconds in rows
        if path in allowed and function and seconds / total >= LEAST_WEIGHT
    ]
    if not sites:
        raise BaselineError(
            "The benchmark spends no time in the files that may change: choose another benchmark, or widen `files`."
        )
    return tuple(sites[:MOST_SITES])


def _coverage(
    workshop: Workshop, settings: TargetSettings, suite: Suite, files: Sequence[str]
) -> dict[str, dict[int, tuple[str, ...]]]:
    """path → line → tests that run it, from one run of the suite under coverage."""
    with Worker(workshop, {"kind": "tests", "tests": suite_arguments(settings)}) as worker:
        there = set(worker.ready["ids"])
        ids = [one for one in suite.passed if one in there]
        limit = 60.0 + 20.0 * suite.seconds
        answer = worker.request("coverage", limit, ids=ids, paths=list(files))
    sets = [tuple(ids[number] for number in numbers) for numbers in answer["sets"]]
    return {
        path: {int(line): sets[number] for line, number in lines.items()} for path, lines in answer["lines"].items()
    }
