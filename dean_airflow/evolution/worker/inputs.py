"""Whether a candidate's function does the same as the target's own on inputs varied from recorded ones.

One request, answered in a forked child of the parked test session: the function's calls are recorded while tests and
the benchmark run, varied, and each input is given to both versions, in two further children that share nothing but
the inputs they were born with.
"""

from __future__ import annotations

import gc
import os
import random
import types
from collections.abc import Callable
from typing import Any

from . import clock, family, swap, workloads
from .comparing import GUARD, HASTE, LATE, NO_VALUES, PATIENCE, Caller, Row, shown_call
from .recording import Call, Copier, Recorder, key_of
from .source_file import CannotSwap
from .varying import Varier

RECORDING_SECONDS = 15.0
VARYING_SECONDS = 15.0
CALLING_SECONDS = 30.0
"""What each step may take; the calls after the baseline's get SLOWER times what those took, and MARGIN."""
SLOWER = 3.0
MARGIN = 10.0
LONGEST_REQUEST = RECORDING_SECONDS + VARYING_SECONDS + (1 + 2 * SLOWER) * CALLING_SECONDS + 3 * MARGIN
RESERVE = 1.15
"""Inputs made at least for each one wanted: some prove nothing (two baselines differ, or none ends in time)."""
PLENTY = 3
"""Inputs made at most for each one wanted, as many as ENOUGH_SECONDS allow."""
ENOUGH_SECONDS = 2.0
DRAWS = 30
"""Variations drawn at most for each input wanted."""
BENCHMARK_SEEDS = (1, 2, 3, 4)
SHOWN = 3

Answer = dict[str, Any]


def compare(request: dict[str, Any], project: str, run_test: Callable[[str], object]) -> Answer:
    """`path, line, name` (the function, by its first line), `files` (the candidate), `ids` (tests that run it),
    `benchmark` (`module:callable` or empty), `wanted`, `seed` → `recorded, passed_over, inputs`, the number of inputs
    `compared`, how many of them differ (`different`), and `examples` of those. Instead of these `cannot` says why
    nothing can be compared, `failed` what the candidate's code raised when it was put in place.
    """
    family.become_parent()
    gc.unfreeze()  # frozen objects are not listed, and functions are found by listing
    benchmark = workloads.CallableWorkload(request["benchmark"]) if request["benchmark"] else None
    swapper = swap.Swapper(project)
    try:
        for path in request["files"]:
            swapper.prepare(path)
    except CannotSwap as error:
        return {"cannot": str(error)}
    function = _find(swapper, request["path"], request["line"], request["name"])
    if function is None:
        return {"cannot": f"{request['name']} is not to be found in the running tests"}
    copier = Copier(list(swapper.modules.values()))
    recorder = Recorder(function, copier)
    _record(recorder, request["ids"], run_test, benchmark)
    if _alive_inside(function):
        return {"cannot": f"functions made by {request['name']} outlive it, and what they do is not seen"}
    rng = random.Random(request["seed"])
    inputs = _inputs(recorder, copier, rng, request["wanted"], _literals(function))
    comparison = _Comparison(Caller(function, recorder.parameters, copier), inputs)
    answer = comparison.run(lambda: _swap_all(swapper, request["files"]))
    answer["examples"] = [
        f"{shown_call(request['name'], inputs[number], recorder.parameters)} {says}"
        for number, says in comparison.examples
    ]
    return {**answer, "recorded": len(recorder.calls), "passed_over": recorder.passed_over, "inputs": len(inputs)}


def _find(swapper: swap.Swapper, path: str, line: int, name: str) -> types.FunctionType | None:
    place = (os.path.realpath(os.path.join(swapper.project, path)), line)
    found = [one for one in swapper.functions.get(place, ()) if one.__code__.co_qualname == name]
    return found[0] if found else None


def _swap_all(swapper: swap.Swapper, files: dict[str, str]) -> None:
    for path, text in files.items():
        swapper.swap(path, text)


def _record(
    recorder: Recorder, ids: list[str], run_test: Callable[[str], object], benchmark: workloads.Workload | None
) -> None:
    deadline = clock.now() + RECORDING_SECONDS
    if benchmark is not None:
        for seed in BENCHMARK_SEEDS:
            recorder.during(lambda seed=seed: benchmark.run(seed, 1), 1)  # type: ignore[misc]
    for one in ids:
        if recorder.full or clock.now() > deadline:
            return
        recorder.during(lambda one=one: run_test(one), len(ids))  # type: ignore[misc]


def _alive_inside(function: types.FunctionType) -> bool:
    """Whether a function that this one made is still there: decorators, factories and callbacks leave some."""
    waiting, inner = [function.__code__], set()
    while waiting:
        for const in waiting.pop().co_consts:
            if isinstance(const, types.CodeType):
                inner.add(const)
                waiting.append(const)
    gc.collect()
    return bool(inner) and any(type(one) is types.FunctionType and one.__code__ in inner for one in gc.get_objects())


def _literals(function: types.FunctionType) -> list[Any]:
    """Constants in the function's code, those of tuples and of inner functions included; not its docstring."""
    found, waiting = [], list(function.__code__.co_consts)
    while waiting:
        one = waiting.pop()
        if isinstance(one, types.CodeType):
            waiting += one.co_consts
        elif isinstance(one, tuple | frozenset):
            waiting += one
        elif one != function.__doc__:
            found.append(one)
    return found


def _inputs(recorder: Recorder, copier: Copier, rng: random.Random, wanted: int, literals: list[Any]) -> list[Call]:
    """The recorded calls and variations of them, no two alike."""
    found: list[Call] = []
    seen: set[str] = set()

    def keep(call: Call) -> None:
        try:
            own = copier.copy(call)
            key = key_of(copier.copy(call))
        except Exception:  # what cannot be copied cannot be given to both
            return
        if key not in seen:
            seen.add(key)
            found.append(own)

    for call in recorder.calls:
        keep(call)
    varier = Varier(recorder.calls, recorder.parameters, literals, rng)
    started = clock.now()
    for draw in range(DRAWS * wanted if recorder.calls else 0):
        enough = ENOUGH_SECONDS if len(found) >= wanted * RESERVE else VARYING_SECONDS
        if len(found) >= wanted * PLENTY or clock.now() - started > enough:
            break
        base = recorder.calls[draw % len(recorder.calls)] if draw % 2 else rng.choice(found)
        try:
            keep(varier.vary(base))
        except Exception:  # the varied objects' own code: `copy`, `sort`, `repr`
            continue
    return found


class _Comparison:
    """The outcomes of both versions, held against each other."""

    def __init__(self, caller: Caller, inputs: list[Call]) -> None:
        self.caller, self.inputs = caller, inputs
        self.examples: list[tuple[int, str]] = []
        """(number of the input, how the outcomes differ), the first few."""

    def run(self, prepare: Callable[[], object]) -> Answer:
        """See `compare`. The baseline is asked again where the outcomes differ: chance is not the candidate's fault."""
        started = clock.now()
        baseline = self._baseline(CALLING_SECONDS)
        took = clock.now() - started
        inputs = self.inputs[: len(baseline)]
        guards = [GUARD * (HASTE if digest == LATE else PATIENCE) for digest, _ in baseline]
        candidate, failure = self.caller.rows(prepare, inputs, guards, SLOWER * took + MARGIN)
        if failure.startswith("CannotSwap"):
            return {"cannot": failure.partition(": ")[2]}
        if failure:
            return {"failed": failure}
        if len(candidate) < len(baseline) and candidate == baseline[: len(candidate)]:
            return {"failed": "its calls took too long altogether, or kept ending their process"}
        different = [n for n, row in enumerate(candidate) if row[0] != baseline[n][0]]
        if different:
            again = self._baseline(SLOWER * took + MARGIN)
            chance = {n for n, row in enumerate(again) if row[0] != baseline[n][0]}
            different = [n for n in different if n not in chance]
        else:
            chance = set()
        self.examples = [(n, _difference(baseline[n], candidate[n])) for n in different[:SHOWN]]
        telling = [n for n in range(len(candidate)) if baseline[n][0] not in NO_VALUES and n not in chance]
        return {"compared": len({*telling, *different}), "different": len(different)}

    def _baseline(self, seconds: float) -> list[Row]:
        return self.caller.rows(lambda: None, self.inputs, [GUARD] * len(self.inputs), seconds)[0]


def _difference(baseline: Row, candidate: Row) -> str:
    if baseline[1] == candidate[1]:
        return f"{baseline[1]} but leaves its arguments, or what it prints, different"
    return f"{baseline[1]}, the candidate {candidate[1]}"
