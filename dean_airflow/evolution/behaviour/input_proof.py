"""Whether a changed function does the same as the baseline's on inputs varied from recorded ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.behaviour.changes import ChangedFunction, form_of
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.worker import Answer
from dean_airflow.evolution.worker.inputs import LONGEST_REQUEST

INPUTS = 1_000
"""What a trial asks for."""
MOST_TESTS = 150
"""Tests run to record arguments, spread evenly over those that run the function."""

Company = frozenset[tuple[str, str, str]]
"""Path, name and form of every function that a candidate's behavioural edits change."""


@dataclass(frozen=True)
class InputProof:
    """Asks a parked session of the target's tests, and remembers the answers: offspring share their changed functions,
    and what else a candidate changes is preserving by itself."""

    baseline: Baseline
    tests: TestRunner
    benchmark: str
    """`module:callable`, or empty where the benchmark is something else."""
    wanted: int = INPUTS
    """Different inputs on which a function must do the same."""
    _known: dict[tuple[ChangedFunction, Company], str] = field(default_factory=dict)

    def differs(self, functions: Sequence[ChangedFunction], files: Mapping[str, str]) -> str:
        """One sentence about the first of the functions that differs with `files`, or why that cannot be told; empty
        if none does.

        Raises RequestFailed and WorkerDied when an answer takes too long, BaselineError when the tests do not even run.
        """
        company = frozenset((one.path, one.name, form_of(one.name, files[one.path])) for one in functions)
        for one in functions:
            key = (one, company)
            if key not in self._known:
                self._known[key] = self._compare(one, files)
            if self._known[key]:
                return self._known[key]
        return ""

    def _compare(self, function: ChangedFunction, files: Mapping[str, str]) -> str:
        answer = self.tests.worker.request(
            "inputs",
            LONGEST_REQUEST,
            files=dict(files),
            path=function.path,
            line=function.line,
            name=function.name,
            ids=self._tests_of(function),
            benchmark=self.benchmark,
            wanted=self.wanted,
            seed=zlib.crc32(f"{function.path}:{function.name}".encode()),
        )
        return sentence(function.name, answer, self.wanted)

    def _tests_of(self, function: ChangedFunction) -> list[str]:
        """Tests that run any line of its body, and those of the session that are not of the suite: the benchmark's. At
        most MOST_TESTS."""
        coverage = self.baseline.coverage.get(function.path, {})
        found = {test for line, tests in coverage.items() if function.line < line <= function.last for test in tests}
        suite = set(self.baseline.tests)
        ids = [one for one in self.tests.worker.ready["ids"] if one in found or one not in suite]
        step = max(1.0, len(ids) / MOST_TESTS)
        return [ids[int(number * step)] for number in range(int(len(ids) / step))]


def sentence(name: str, answer: Answer, wanted: int) -> str:
    """What a worker's answer comes to; see worker.inputs.compare."""
    if "cannot" in answer:
        return f"{name} cannot be compared on varied inputs: {answer['cannot']}"
    if "failed" in answer:
        return f"{name} could not be run on varied inputs: {answer['failed']}"
    if not answer["recorded"]:
        why = "their arguments cannot be copied" if answer["passed_over"] else "no test or benchmark calls it"
        return f"{name} cannot be compared on varied inputs: {why}"
    compared, different = answer["compared"], answer["different"]
    if different:
        example = f", e.g. {answer['examples'][0]}" if answer["examples"] else ""
        return f"{name} does not do the same for {different:,} of {compared:,} varied inputs{example}"
    if compared < wanted:
        return f"only {compared:,} of {wanted:,} different inputs could be made to compare {name} on"
    return ""
