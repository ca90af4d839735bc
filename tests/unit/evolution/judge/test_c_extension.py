"""A target with a C extension of its own is measured in fresh processes, and judged rightly there."""

from __future__ import annotations

import random
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.target.target import Workload
from tests.unit.evolution.workshops import dedent, make_judge, make_workshop, measured, write

COMPILER = shutil.which("cc") or shutil.which("gcc")
HEADERS = Path(sysconfig.get_path("include"))
pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed"),
    pytest.mark.skipif(not (HEADERS / "Python.h").exists(), reason="the headers of this Python are not installed"),
]

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
EXTENSION = """
    #include <Python.h>

    static long total = 0;  /* state that no exchanged Python function brings back */

    static PyObject *add(PyObject *self, PyObject *number) {
        total += PyLong_AsLong(number);
        return PyLong_FromLong(total);
    }

    static PyObject *reset(PyObject *self, PyObject *unused) {
        total = 0;
        Py_RETURN_NONE;
    }

    static PyMethodDef methods[] = {
        {"add", add, METH_O, ""}, {"reset", reset, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_tally", NULL, -1, methods};

    PyMODINIT_FUNC PyInit__tally(void) { return PyModule_Create(&module); }
"""
SLOW = "for number in range(3000):"
SOURCE = f"""
    from tally import _tally


    def work(n):
        _tally.reset()
        {SLOW}
            _tally.add(number % 2)
        return _tally.add(n)


    def run(seed):
        return work(seed % 100)
"""
PATH = "tally/core.py"
TEXT = dedent(SOURCE)
PROJECT = {
    "tally/__init__.py": "",
    PATH: SOURCE,
    "tests/test_core.py": "from tally.core import work\n\n\ndef test_work():\n    assert work(2) == 1502\n",
}


@pytest.fixture(scope="module")
def judge_and_baseline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Judge, Baseline]]:
    room = tmp_path_factory.mktemp("extension")
    write(room, {"_tally.c": EXTENSION})
    workshop = make_workshop(room / "shop", PROJECT)
    built = workshop.project / "tally" / f"_tally{SUFFIX}"
    command = [str(COMPILER), "-shared", "-fPIC", f"-I{HEADERS}", str(room / "_tally.c"), "-o", str(built)]
    subprocess.run(command, check=True, capture_output=True)
    baseline, order = measured(workshop, Workload("callable", "tally.core:run"), (PATH,))
    judge = make_judge(workshop, baseline, order, {PATH: TEXT})
    yield judge, baseline
    judge.close()
    assert list(workshop.scratch.iterdir()) == []


def test_the_baseline_says_which_way_is_taken_and_why(judge_and_baseline: tuple[Judge, Baseline]) -> None:
    _, baseline = judge_and_baseline
    reason = f"it has C extensions of its own (tally/_tally{SUFFIX})"
    assert (baseline.mode, baseline.mode_reason) == ("fresh", reason)


@pytest.mark.parametrize(
    ("new", "verdict", "reason"),
    [
        ("_tally.add(1500)\n    for number in ():", "win", ""),
        ("for number in [*range(3000), *([0] * 3000)]:", "worse", ""),
        ("for number in range(3002):", "invalid", "the candidate returns"),
    ],
    ids=["faster", "slower", "wrong"],
)
def test_it_is_judged_rightly(judge_and_baseline: tuple[Judge, Baseline], new: str, verdict: str, reason: str) -> None:
    judge, _ = judge_and_baseline
    edit = Edit("generic", "any", PATH, "work")
    assert SLOW in TEXT
    evaluation = judge.judge((edit,), {PATH: TEXT.replace(SLOW, new)}, random.Random(1))
    assert evaluation.verdict == verdict, evaluation
    assert reason in evaluation.reason
