"""How many candidates a second the judge decides, and whether it stays as fast: 10,000 distinct ones of 1 ms.

10 % fail to parse or to run, 60 % are slower, 29 % equal, 1 % really faster; two judges in two processes, one a core,
as two islands would be. Then what a candidate costs beside its runs on a real library, sqlparse.
"""

from __future__ import annotations

import ast
import math
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._libraries import LIBRARIES
from benchmarks._workbench import bench_of
from benchmarks.figure import Figure
from dean_airflow.evolution.judge.pairs import Pair, Pairs

CANDIDATES = 10_000
CANDIDATES_ON_SQLPARSE = 200
SHARES = {"broken": 0.10, "slower": 0.60, "equal": 0.29, "faster": 0.01}
LOOPS = {"equal": 1.0, "slower": 1.35, "faster": 0.75}

WORK = '''"""About a millisecond of counting."""


def count(seed):
    total = seed % 7
    for number in range({loops}):
        total += number & 3
    return (total - {correction}) % 1


def run(seed):
    return count(seed)
'''


def run(minutes: float | None) -> list[Figure]:
    """judge_rate (candidates/s), judge_flatness (ratio), judge_overhead (ms a candidate), judge_memory (ratio), and
    judge_overhead_sqlparse (ms a candidate)."""
    count = CANDIDATES if minutes is None else max(400, int(minutes * 60 * 80))
    loops = _loops_of_a_millisecond()
    cores = sorted(os.sched_getaffinity(0))[-2:]
    started = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(len(cores)) as pool:
        shares = pool.starmap(_judge_share, [(core, count // len(cores), loops) for core in cores])
    elapsed = time.perf_counter() - started
    judged = sum(len(share["seconds"]) for share in shares)
    verdicts = sum((Counter(share["verdicts"]) for share in shares), Counter[str]())
    tenth = min(1000, judged // 10) // len(cores)
    first = sum(sum(share["seconds"][:tenth]) for share in shares)
    last = sum(sum(share["seconds"][-tenth:]) for share in shares)
    overhead = sum(share["overhead"] for share in shares) / judged
    memory = max(share["memory_growth"] for share in shares)
    detail = {"candidates": judged, "seconds": round(elapsed, 1), "cores": len(cores), **shares[0]["setting"]}
    return [
        Figure("judge_rate", round(judged / elapsed, 1), "1/s", "higher", 100, {**detail, "verdicts": dict(verdicts)}),
        Figure("judge_flatness", round(first / last, 3), "ratio", "higher", 0.9, {"candidates_each_end": 2 * tenth}),
        Figure(
            "judge_overhead",
            round(overhead * 1e3, 2),
            "ms",
            "lower",
            5,
            {"beside": "the measured runs of the workload"},
        ),
        Figure("judge_memory", round(memory, 3), "ratio", "lower", 1.1, {"of": "peak memory, last tenth to first"}),
        _overhead_on_sqlparse(cores[-1], CANDIDATES_ON_SQLPARSE if minutes is None else 40),
    ]


def _loops_of_a_millisecond() -> int:
    loops = 20_000
    space: dict[str, Any] = {}
    exec(WORK.format(loops=loops, correction=0), space)
    usual = median(_timed(space["run"]) for _ in range(50))
    return int(loops * 0.001 / usual)


def _timed(function: Any) -> float:
    started = time.perf_counter()
    function(1)
    return time.perf_counter() - started


def _judge_share(core: int, count: int, loops: int) -> dict[str, Any]:
    rng = random.Random(core)
    seconds: list[float] = []
    verdicts: Counter[str] = Counter()
    memory: list[int] = []
    base = {"work.py": WORK.format(loops=loops, correction=0)}
    with bench_of(base, "work:run", 0.001) as bench:
        judge = bench.judge(core)
        ran = _count_runs(judge.screening)
        try:
            for number in range(count):
                kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
                files = {"work.py": _candidate(kind, number, loops, rng)}
                started = time.perf_counter()
                evaluation = judge.judge((), files, rng)
                seconds.append(time.perf_counter() - started)
                verdicts[f"{kind}: {evaluation.verdict}"] += 1
                memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            level = bench.workshop.sandbox.level
        finally:
            judge.close()
    growth = memory[-1] / memory[max(len(memory) // 10, 1) - 1]
    setting = {"sandbox": level, "loops": loops}
    return {
        "seconds": seconds,
        "verdicts": verdicts,
        "overhead": sum(seconds) - ran[0],
        "memory_growth": growth,
        "setting": setting,
    }


def _overhead_on_sqlparse(core: int, count: int) -> Figure:
    """Candidates that add a statement to a method that the benchmark calls all the time."""
    rng = random.Random(count)
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        folder = next(library for library in LIBRARIES if library.name == "sqlparse").unpack(Path(name))
        sources = [*(folder / "sqlparse").rglob("*.py"), folder / "dean_benchmark.py"]
        files = {str(path.relative_to(folder)): path.read_text() for path in sources}
    path, lines = "sqlparse/sql.py", files["sqlparse/sql.py"].split("\n")
    at = _body_of(files[path], "TokenList", "token_next_by")
    indent = lines[at][: -len(lines[at].lstrip())]
    with bench_of(files, "dean_benchmark:run", 0.005) as bench:
        judge = bench.judge(core)
        ran = _count_runs(judge.screening)
        seconds = 0.0
        try:
            for number in range(count + 1):
                changed = "\n".join([*lines[:at], f"{indent}added = {number}", *lines[at:]])
                started = time.perf_counter()
                judge.judge((), {path: changed}, rng)
                if number:  # the first starts the workers
                    seconds += time.perf_counter() - started
                else:
                    ran[0] = 0.0
        finally:
            judge.close()
    overhead = (seconds - ran[0]) / count * 1e3
    detail = {"candidates": count, "run_ms": round(ran[0] / count * 1e3, 1)}
    return Figure("judge_overhead_sqlparse", round(overhead, 2), "ms", "lower", 15, detail)


def _body_of(text: str, class_name: str, method: str) -> int:
    """Index of the first line after a method's docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for one in node.body:
                if isinstance(one, ast.FunctionDef) and one.name == method:
                    return next(part.lineno - 1 for part in one.body if not isinstance(part, ast.Expr))
    raise LookupError(f"{class_name}.{method} is not there")


def _count_runs(pairs: Pairs) -> list[float]:
    """One number that grows by the seconds of every run of the workload, by the clock of the process that runs it."""
    ran = [0.0]
    take = pairs.take

    def counted(seeds: Sequence[int], checks: Sequence[bool]) -> list[Pair]:
        taken = take(seeds, checks)
        ran[0] += sum(run[0] for pair in taken for run in (pair.baseline, pair.candidate) if math.isfinite(run[0]))
        return taken

    pairs.take = counted  # type: ignore[method-assign]
    return ran


def _candidate(kind: str, number: int, loops: int, rng: random.Random) -> str:
    """A text that no other candidate has."""
    if kind == "broken":
        text = WORK.format(loops=loops, correction=number + 1)
        return text.replace("total - ", "total -- (" if rng.random() < 0.5 else "totals - ")
    return WORK.format(loops=int(loops * LOOPS[kind]), correction=number + 1)
