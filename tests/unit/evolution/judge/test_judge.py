"""Decisions on small real targets, in the real sandbox."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.judge.command_pairs import CommandPairs
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.fresh_pairs import FreshPairs
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.judge.minimise import Minimiser
from dean_airflow.evolution.judge.pairs import CannotOpen
from dean_airflow.evolution.judge.warm_pairs import NeedsFreshProcess, WarmPairs
from dean_airflow.evolution.target.target import Workload
from tests.unit.evolution.workshops import dedent, make_judge, make_workshop, measured

CORE = max(os.sched_getaffinity(0))
SLOW = "total = sum([number * number % 7 for number in range(4000)])"
FAST = "total = 7999 + 0 * n"
SOURCE = f"""
    LIMIT = 3


    def work(n):
        {SLOW}
        spare = [n, n]
        return total + n + LIMIT


    def run(seed):
        return work(seed % 100)
"""
PROJECT = {
    "calc/__init__.py": "",
    "calc/core.py": SOURCE,
    "tests/test_core.py": """
        import pytest

        from calc.core import work


        def test_work():
            assert work(1) == sum(n * n % 7 for n in range(4000)) + 4


        def test_negative():
            assert work(-2) == work(0) - 2


        @pytest.mark.skip(reason="another day")
        def test_later():
            pass
    """,
}
CALLABLE = Workload("callable", "calc.core:run")
PATH = "calc/core.py"
TEXT = dedent(SOURCE)
EDIT = Edit("generic", "any", PATH, "work")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):
    """A workshop, its baseline and its order, measured once."""
    workshop = make_workshop(tmp_path_factory.mktemp("small"), PROJECT)
    return (workshop, *measured(workshop, CALLABLE, (PATH,), CORE))


@pytest.fixture
def judge(small) -> Iterator[Judge]:
    workshop, baseline, order = small
    judge = make_judge(workshop, baseline, order, {PATH: TEXT}, core=CORE)
    yield judge
    judge.close()
    assert list(workshop.scratch.iterdir()) == []


def judged(judge: Judge, old: str, new: str):
    assert old in TEXT
    return judge.judge((EDIT,), {PATH: TEXT.replace(old, new)}, random.Random(1))


def test_the_baseline_knows_tests_sites_coverage_and_noise(small):
    _, baseline, order = small
    assert baseline.tests == ("tests/test_core.py::test_work", "tests/test_core.py::test_negative")
    assert baseline.skipped == ("tests/test_core.py::test_later",)
    assert baseline.sites[0].function == "work"
    assert baseline.sites[0].weight > 0.8
    assert set(baseline.coverage[PATH][5]) == set(baseline.tests)
    assert (baseline.mode, baseline.takes_seed, order["kind"]) == ("warm", True, "callable")
    assert baseline.repeats >= 1 and baseline.noise > 0


def test_a_real_gain_wins_with_its_measurements(judge):
    evaluation = judged(judge, SLOW, FAST)
    assert (evaluation.verdict, evaluation.stage, evaluation.reason) == ("win", "tests", "")
    assert evaluation.cost < 0.5
    assert evaluation.fitness == pytest.approx(1 - evaluation.cost)
    assert evaluation.pairs == len(evaluation.log_ratios) >= 20
    assert evaluation.ratios["runtime"] == pytest.approx(evaluation.cost)


def test_a_slower_one_is_dropped_early(judge):
    evaluation = judged(judge, SLOW, SLOW + "; " + SLOW)
    assert evaluation.verdict == "worse"
    assert evaluation.pairs <= 6
    assert evaluation.fitness == 0.0 < 1.0 < evaluation.cost


@pytest.mark.parametrize(
    ("old", "new", "stage", "reason"),
    [
        (SLOW, "total = = 1", "parse", "SyntaxError"),
        (SLOW, "total = missing", "output", "raises NameError"),
        (SLOW, "total = 1.5", "output", "the candidate returns"),
        (SLOW, "total = float(" + SLOW.partition(" = ")[2] + ")", "output", "returns"),
        ("LIMIT = 3", "LIMIT = 1 / 0", "output", "ZeroDivisionError"),
        (SLOW, "total = 7999 + 0 * n if n >= 0 else 0", "tests", "test_negative"),
        ("def run(seed)", "def run(sneed)", "output", ""),
    ],
    ids=["syntax", "raises", "value", "type", "import", "tests only", "no benchmark"],
)
def test_invalid_candidates_say_where_and_why(judge, old, new, stage, reason):
    evaluation = judged(judge, old, new)
    assert (evaluation.verdict, evaluation.stage) == ("invalid", stage), evaluation
    assert reason in evaluation.reason
    assert (evaluation.cost, evaluation.fitness) == (None, 0.0)


def test_what_cannot_be_swapped_is_judged_in_fresh_processes(judge):
    files = {PATH: TEXT.replace("LIMIT = 3", "LIMIT = 1 + 2").replace(SLOW, FAST)}
    with pytest.raises(NeedsFreshProcess):
        judge.screening.open(files)
    evaluation = judge.judge((EDIT,), files, random.Random(1))
    assert (evaluation.verdict, evaluation.stage) == ("win", "tests")


def test_other_objectives_are_counted_without_noise(small):
    workshop, baseline, order = small
    judge = make_judge(workshop, baseline, order, {PATH: TEXT}, {"size": 1.0}, CORE)
    try:
        smaller = judged(judge, "        spare = [n, n]\n".removeprefix("    "), "")
        assert (smaller.verdict, smaller.pairs) == ("win", 0)
        assert smaller.cost == pytest.approx(1 - 19 / len(TEXT))
        assert judged(judge, "[n, n]", "[n, n, n]").verdict == "neutral"
        assert judged(judge, SLOW, "total = 1").verdict == "invalid"
    finally:
        judge.close()


def test_peak_memory_is_measured_when_it_counts(small):
    workshop, baseline, order = small
    judge = make_judge(workshop, baseline, order, {PATH: TEXT}, {"memory": 1.0}, CORE)
    try:
        leaner = judged(judge, SLOW, SLOW.replace("[", "").replace("]", ""))
        assert leaner.verdict == "win"
        assert leaner.cost < 0.5
        assert judged(judge, "[n, n]", "[n] * 50000").cost > 1.5
    finally:
        judge.close()


def test_an_edit_that_is_not_needed_goes_and_one_that_is_stays(small):
    workshop, baseline, order = small
    needed, idle, harmful = (Edit("named", kind, PATH, "work") for kind in ("needed", "idle", "harmful"))
    changes = {
        needed: (SLOW, FAST),
        # Costs a little: of an edit that changes nothing at all, one in fifty would be kept by chance.
        idle: ("spare = [n, n]", "spare = [n, n, n, n, n, n, n, n]"),
        harmful: ("total + n + LIMIT", "total + n + LIMIT + 0 * len(list(range(9000)))"),
    }

    def apply(genome):
        text = TEXT
        for edit in genome:
            text = text.replace(*changes[edit])
        return {PATH: text} if text != TEXT else {}

    pairs = WarmPairs(workshop, order, CORE, baseline.repeats, 1.0, 0)
    fresh = FreshPairs(workshop, order, CORE, baseline.repeats, 1.0, 0)
    costing = Costing({"runtime": 1.0}, {PATH: TEXT})
    try:
        minimiser = Minimiser(apply, costing, pairs, fresh, random.Random(1))
        kept = minimiser.minimise((idle, needed, harmful))
    finally:
        pairs.close()
        fresh.close()
    assert kept == (needed,)


def baseline_of(tmp_path: Path, source: str, benchmark: Workload = CALLABLE, limit: float = 600.0, **files: str):
    workshop = make_workshop(tmp_path, {**PROJECT, PATH: source, **files})
    found = measured(workshop, benchmark, (PATH,), CORE, limit)
    assert list(workshop.scratch.iterdir()) == []
    return found[0]


ADAPTED = (
    "def work(n):\n    total = sum([number * number % 7 for number in range(4000)])\n    return total + n + 3\n\n\n"
)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (ADAPTED + "def run(seed):\n    return work(id(object()) + seed)\n", "different outputs"),
        (ADAPTED + "import time\n\n\ndef run(seed):\n    return time.time()\n", "different outputs"),
        (ADAPTED + "def run(seed):\n    raise ValueError('no')\n", "fails with the unchanged target"),
        (ADAPTED + "import time\n\n\ndef run(seed):\n    time.sleep(0.2)\n    return work(1)\n", "too long"),
        (ADAPTED, "no callable 'run'"),
    ],
    ids=["address", "clock", "raises", "long", "missing"],
)
def test_a_benchmark_that_cannot_be_judged_by_is_refused_in_one_sentence(tmp_path, source, words):
    limit = 20.0 if "sleep" in source else 600.0
    with pytest.raises(BaselineError, match=words) as failure:
        baseline_of(tmp_path, source, limit=limit)
    assert "\n" not in str(failure.value)


def test_a_benchmark_that_is_elsewhere_is_refused(tmp_path):
    with pytest.raises(BaselineError, match="no time in the files that may change"):
        baseline_of(
            tmp_path,
            ADAPTED,
            Workload("callable", "calc.other:run"),
            **{"calc/other.py": "def run():\n    return sum(range(9999))\n"},
        )


def test_a_short_benchmark_is_repeated_until_it_can_be_measured(tmp_path):
    source = ADAPTED.replace("4000", "40") + "def run(seed):\n    return work(seed)\n"
    tests = "from calc.core import work\n\n\ndef test_work():\n    assert work(1) > 0\n"
    baseline = baseline_of(tmp_path, source, **{"tests/test_core.py": tests})
    assert baseline.repeats > 5
    assert baseline.seconds * baseline.repeats > 0.0005


def test_failing_tests_and_missing_ones_are_named(tmp_path):
    source = ADAPTED.replace("% 7", "% 8") + "def run(seed):\n    return work(seed)\n"
    with pytest.raises(BaselineError, match=r"1 of the target's tests fail .*test_core\.py::test_work \(.*deselect"):
        baseline_of(tmp_path / "a", source)
    broken = {"tests/test_core.py": "import nothing_of_that_name\n"}
    with pytest.raises(BaselineError, match="nothing_of_that_name"):
        baseline_of(tmp_path / "b", ADAPTED + "def run(seed):\n    return work(seed)\n", **broken)
    with pytest.raises(BaselineError, match="runs no test"):
        baseline_of(tmp_path / "c", ADAPTED, **{"tests/test_core.py": "x = 1\n"})


def test_threads_at_import_make_every_process_fresh(tmp_path):
    thread = "import threading\n\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n\n\n"
    baseline = baseline_of(tmp_path, thread + ADAPTED + "def run(seed):\n    return work(seed)\n")
    assert (baseline.mode, baseline.mode_reason) == ("fresh", "the target starts 1 threads when imported")


def test_a_command_is_judged_by_what_it_prints(tmp_path):
    script = """
        import time

        from calc.core import work

        started = time.perf_counter()
        print("answer", [work(number) for number in range(20)])
        print("seconds:", time.perf_counter() - started)
    """
    workshop = make_workshop(tmp_path, {**PROJECT, "bench.py": script})
    command = Workload("command", f"{workshop.environment.python} bench.py")
    baseline, order = measured(workshop, command, (PATH,), CORE)
    assert (baseline.mode, baseline.repeats, baseline.takes_seed) == ("fresh", 1, False)
    assert baseline.sites[0].function == "work"
    pairs = CommandPairs(workshop, order, CORE, 1, 10.0, 0)
    try:
        pairs.open({PATH: TEXT.replace(SLOW, FAST)})
        taken = pairs.take([1, 2, 3], [True] * 3)
        assert all(pair.log_ratio < 0 and not pair.differs for pair in taken), taken
        pairs.open({PATH: TEXT.replace("+ LIMIT", "+ 4")})
        assert "answer" in pairs.take([1], [True])[0].differs
        pairs.open({PATH: TEXT.replace("+ LIMIT", "+ missing")})
        assert "NameError" in pairs.take([1], [True])[0].failed
    finally:
        pairs.close()
    assert list(workshop.scratch.iterdir()) == []


def test_a_baseline_that_fails_beside_a_candidate_is_not_the_candidates_gain(small):
    workshop, baseline, order = small
    pairs = WarmPairs(workshop, order, CORE, baseline.repeats, 1.0, 0)
    try:
        pairs.open({PATH: TEXT.replace(SLOW, FAST)}, {PATH: TEXT.replace(SLOW, "total = missing()")})
        assert pairs.take([1], [True])[0].differs
        pairs.open({PATH: TEXT}, {PATH: TEXT.replace(SLOW, "import os; os._exit(3)")})
        with pytest.raises(CannotOpen, match="unchanged benchmark"):
            pairs.take([1], [True])
    finally:
        pairs.close()
