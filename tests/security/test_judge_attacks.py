"""Hostile candidates against the judge: none wins, none harms, and the next candidate is judged as if it never was."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.judge import worker
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.sandbox.sandbox import Sandbox, choose_sandbox
from tests.unit.evolution.workshops import dedent, make_judge, make_workshop

SLOW = """
    import math


    class Result:
        def __init__(self, values):
            self.values = values


    def work(n):
        values = [math.sqrt(math.sqrt(number) + n) for number in range(6000)]
        return Result(values[:50])


    def run(seed):
        return work(seed % 1000)
"""
BODY = dedent(SLOW)[dedent(SLOW).index("    values = [") :].split("\n\n")[0]
FASTER = BODY.replace("range(6000)", "range(50)")
TESTS = """
    from calc.core import work


    def test_values():
        assert work(0).values[16] == 2.0
        assert len(work(1).values) == 50
"""
PROJECT = {"calc/__init__.py": "", "calc/core.py": SLOW, "tests/test_core.py": TESTS}
COVERAGE = {"calc/core.py": dict.fromkeys(range(1, 20), ("tests/test_core.py::test_values",))}


@pytest.fixture(params=[pytest.param("full", marks=pytest.mark.bwrap), pytest.param("basic", marks=pytest.mark.slow)])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Both levels; the weaker one takes its time in `make test-all`."""
    try:
        return choose_sandbox(request.param)
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture
def judge(sandbox: Sandbox, tmp_path: Path) -> Iterator[Judge]:
    workshop = make_workshop(tmp_path, PROJECT, sandbox, memory_mb=700, processes=40, disk_mb=64, output_mb=4)
    baseline = Baseline(("tests/test_core.py::test_values",), (), (), 0.001, 1, 0.05, True, "warm", coverage=COVERAGE)
    order = {"kind": "callable", "spec": "calc.core:run"}
    tree = {"calc/core.py": dedent(SLOW)}
    judge = make_judge(workshop, baseline, order, tree, core=max(os.sched_getaffinity(0)))
    yield judge
    judge.close()
    assert list(workshop.scratch.iterdir()) == []


def candidate(body: str) -> str:
    """The target with another body of `work`."""
    assert BODY in dedent(SLOW)
    indented = "\n".join("    " + line if line else line for line in dedent(body).rstrip().split("\n"))
    return dedent(SLOW).replace(BODY, indented)


def judged(judge: Judge, text: str, seed: int = 1) -> Evaluation:
    edit = Edit("generic", "attack", "calc/core.py", "work")
    return judge.judge((edit,), {"calc/core.py": text}, random.Random(seed))


def assert_the_next_is_judged_correctly(judge: Judge) -> None:
    """A real gain wins, a wrong output does not."""
    honest = judged(judge, dedent(SLOW).replace(BODY, FASTER), 2)
    assert honest.verdict == "win", honest
    assert honest.cost is not None and honest.cost < 0.5
    wrong = judged(judge, dedent(SLOW).replace(BODY, FASTER.replace("+ n", "- n")), 3)
    assert (wrong.verdict, wrong.stage) == ("invalid", "output")


ENDINGS = {
    "infinite loop": "while True:\n    pass",
    "exit": "import os\nos._exit(0)",
    "system exit": "raise SystemExit(0)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "endless recursion": "return work(n)",
    "deep answer": """
        deep = []
        for _ in range(100000):
            deep = [deep]
        return deep
    """,
    "crash": "import ctypes\nctypes.string_at(0)",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)\nos._exit(0)",
    "kills everyone it sees": """
        import os
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    os.kill(int(name), 9)
                except OSError:
                    pass
        while True:
            pass
    """,
    "takes all memory": "hoard = bytearray(1_500_000_000)\nreturn Result(len(hoard))",
    "closes every descriptor": "import os\nos.closerange(3, 1024)\nwhile True:\n    pass",
    "prints endlessly": "import os\nwhile True:\n    os.write(2, b'x' * 65536)",
    "fork bomb": """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """,
    "fills the disk": """
        import os
        with open(os.path.join(os.environ["TMPDIR"], "fill"), "wb") as file:
            while True:
                file.write(b"x" * (1 << 20))
    """,
    "writes rubbish to every descriptor": """
        import os
        for number in range(3, 64):
            try:
                os.write(number, b"\\x00\\x00\\x00\\x05{\\"ok\\"" * 3)
            except OSError:
                pass
        return Result([])
    """,
}


QUICK = ("infinite loop", "exit", "kills its parent", "takes all memory", "closes every descriptor")


@pytest.mark.parametrize(
    "body",
    [pytest.param(body, id=name, marks=[] if name in QUICK else pytest.mark.slow) for name, body in ENDINGS.items()],
)
def test_a_candidate_that_breaks_its_process_is_one_failed_candidate(judge: Judge, body: str) -> None:
    evaluation = judged(judge, candidate(body))
    assert evaluation.verdict == "invalid", evaluation
    assert evaluation.reason
    assert (evaluation.fitness, evaluation.cost) == (0.0, None)
    assert_the_next_is_judged_correctly(judge)


def test_a_candidate_that_stops_its_parent(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.5)
    evaluation = judged(judge, candidate("import os\nos.kill(os.getppid(), 19)\nos.kill(os.getpid(), 19)"))
    assert evaluation.verdict == "invalid"
    monkeypatch.undo()
    assert_the_next_is_judged_correctly(judge)


def test_daemons_of_a_candidate_do_not_outlive_it(judge: Judge) -> None:
    """Each marks itself by a file that it holds locked as long as it lives."""
    body = """
        import fcntl, os, time
        for number in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    held = open(os.path.join(os.environ["TMPDIR"], f"daemon-{number}"), "w")
                    fcntl.flock(held, fcntl.LOCK_EX)
                    while True:
                        time.sleep(0.01)
                os._exit(0)
        while not os.path.exists(os.path.join(os.environ["TMPDIR"], "daemon-2")):
            time.sleep(0.001)
        raise ValueError(os.environ["TMPDIR"])
    """
    reason = judged(judge, candidate(dedent(body))).reason
    room = Path(reason.rpartition("ValueError: ")[2])
    held = [path.open() for path in room.glob("daemon-*")]
    assert len(held) == 3
    assert_the_next_is_judged_correctly(judge)
    for file in held:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises BlockingIOError while a daemon lives
        file.close()


CHEATS = {
    "patches the clocks": """
        import time
        for name in ("perf_counter", "monotonic", "time", "perf_counter_ns", "monotonic_ns", "process_time"):
            setattr(time, name, lambda: 0.0)
    """,
    "patches the harness's clock": """
        import sys
        clock = sys.modules["_dean_worker.clock"]
        ticks = iter(n * 1e-6 for n in range(10**9))
        clock.now = lambda: next(ticks)
    """,
    "patches what it finds in the harness's frames": """
        import sys
        frame = sys._getframe()
        while frame is not None:
            if "started" in frame.f_locals and "now" in frame.f_locals:
                import ctypes
                frame.f_locals["started"] = frame.f_locals["now"]() + 1.0
                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
            frame = frame.f_back
    """,
    "replaces the answer": """
        import struct, sys
        child = sys.modules["_dean_worker.child"]
        class Short:
            size = 8
            def pack(self, seconds):
                return struct.pack("!d", seconds / 10)
        child.RAN = Short()
    """,
    "answers before it works": """
        import os, struct, sys
        child = sys.modules["_dean_worker.child"]
        caller = sys._getframe()
        while caller is not None and caller.f_code.co_name not in ("serve", "_serve_one"):
            caller = caller.f_back
        real = os.write
        real(caller.f_locals["write"], struct.pack("!d", 1e-4))
        class Once:
            def __getattr__(self, name):
                return getattr(os, name)
            def write(self, descriptor, data):
                child.os = os
                return len(data)
        child.os = Once()
    """,
}


@pytest.mark.parametrize("prelude", CHEATS.values(), ids=CHEATS.keys())
def test_a_candidate_that_cheats_the_clock_does_not_win(judge: Judge, prelude: str) -> None:
    evaluation = judged(judge, candidate(dedent(prelude) + dedent(BODY)))
    assert evaluation.verdict != "win", evaluation
    assert_the_next_is_judged_correctly(judge)


LAZY = """
    import math


    class Result:
        def __init__(self, values):
            self._make = values

        @property
        def __dict__(self):
            return {"values": self._make()}

        @property
        def values(self):
            return self._make()


    def work(n):
        return Result(lambda: [math.sqrt(math.sqrt(number) + n) for number in range(6000)][:50])


    def run(seed):
        return work(seed % 1000)
"""


def test_work_put_off_until_the_answer_is_looked_at_is_no_gain(judge: Judge) -> None:
    evaluation = judged(judge, dedent(LAZY))
    assert evaluation.verdict == "invalid", evaluation
    assert "more to look at" in evaluation.reason
    assert_the_next_is_judged_correctly(judge)


def test_work_put_off_with_a_generator_is_another_answer(judge: Judge) -> None:
    text = candidate(dedent(BODY).replace("Result(values[:50])", "Result(iter(values))").replace("[math", "(math"))
    evaluation = judged(judge, text.replace("range(6000)]", "range(6000))"))
    assert (evaluation.verdict, evaluation.stage) == ("invalid", "output")
    assert_the_next_is_judged_correctly(judge)


def test_remembering_answers_is_no_gain_on_fresh_inputs(judge: Judge) -> None:
    memo = "if n in _seen:\n    return Result(_seen[n])\n" + dedent(BODY).replace(
        "return Result(values[:50])", "_seen[n] = values[:50]\nreturn Result(_seen[n])"
    )
    text = candidate(memo).replace("def work", "_seen = {}\n\n\ndef work")
    assert judged(judge, text.replace("seed % 1000", "seed")).verdict != "win"
    assert_the_next_is_judged_correctly(judge)


def test_a_digest_function_of_its_own_deceives_nobody(judge: Judge) -> None:
    prelude = """
        import sys
        sys.modules["_dean_worker.canonical"].digest = lambda value: "0" * 32
    """
    evaluation = judged(judge, candidate(dedent(prelude) + dedent(FASTER).replace("+ n", "- n")))
    assert (evaluation.verdict, evaluation.stage) == ("invalid", "output")
    assert_the_next_is_judged_correctly(judge)


ONLY_IN_TESTS = "import sys\nif 'pytest' in sys.modules:\n"


def wrong_only_in_tests(prelude: str) -> str:
    body = prelude + "\nreturn Result([])"
    return candidate(ONLY_IN_TESTS + "\n".join("    " + line for line in body.split("\n")) + "\n" + dedent(FASTER))


def test_edited_tests_are_not_the_tests_that_are_run(judge: Judge) -> None:
    prelude = """
        try:
            import pathlib
            for path in pathlib.Path(__file__).parents[1].glob("tests/*.py"):
                path.write_text("def test_values():\\n    pass\\n")
        except OSError:
            pass
    """
    evaluation = judged(judge, wrong_only_in_tests(dedent(prelude)))
    assert (evaluation.verdict, evaluation.stage) == ("invalid", "tests")
    assert "test_values" in evaluation.reason
    assert_the_next_is_judged_correctly(judge)


def test_reports_that_always_pass_do_not_make_tests_pass(judge: Judge) -> None:
    prelude = """
        import _pytest.reports
        make = _pytest.reports.TestReport.from_item_and_call.__func__
        def passing(cls, item, call):
            call.excinfo = None
            return make(cls, item, call)
        _pytest.reports.TestReport.from_item_and_call = classmethod(passing)
    """
    evaluation = judged(judge, wrong_only_in_tests(dedent(prelude).rstrip()))
    assert (evaluation.verdict, evaluation.stage) == ("invalid", "tests"), evaluation
    assert "must fail" in evaluation.reason
    assert_the_next_is_judged_correctly(judge)
