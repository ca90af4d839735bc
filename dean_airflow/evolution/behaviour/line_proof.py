"""Whether the target's tests would notice a fault in a line of the baseline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.behaviour.mutants import Line, Mutant
from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.judge.test_runner import TestRunner

LONGEST = 60.0
"""Seconds one candidate's lines may take; what was found out stays for the next candidate."""
HUNG = 2.0
"""Seconds beyond ten times their usual after which tests are taken to hang, which is noticing."""

Place = tuple[str, int]
"""Path and line of the baseline, from 1."""


@dataclass
class LineProof:
    """Remembers every line it looked at: candidates of one trial change the same few lines over and over."""

    tree: SourceTree
    baseline: Baseline
    tests: TestRunner
    _known: dict[Place, str] = field(default_factory=dict)

    def unrun(self, places: Sequence[Place]) -> str:
        """A sentence about the first line that needs a test and that no test runs; empty if there is none."""
        for path, number in places:
            line = Line(self.tree[path], number)
            if line.can_fail and not self._tests_of(path, number, line):
                return f"line {number} of {path} is run by no test"
        return ""

    def unnoticed(self, places: Sequence[Place]) -> str:
        """A sentence about the first line in which no planted fault is noticed; empty if there is none.

        Raises BaselineError, RequestFailed and WorkerDied when the tests do not even run with the baseline.
        """
        deadline = time.monotonic() + LONGEST
        for place in places:
            if place not in self._known:
                if time.monotonic() > deadline:
                    return f"{LONGEST:.0f} s were too short to see whether tests notice faults in the changed lines"
                self._known[place] = self._try(*place)
            if self._known[place]:
                return self._known[place]
        return ""

    def _try(self, path: str, number: int) -> str:
        line = Line(self.tree[path], number)
        tests = self._tests_of(path, number, line)
        missed = []
        for mutant in line.mutants():
            if self._noticed(path, mutant, tests):
                return ""
            missed.append(mutant.says)
        if not missed:
            return ""
        return f"no test notices when line {number} of {path} is changed ({'; '.join(missed[:3])})"

    def _noticed(self, path: str, mutant: Mutant, tests: Sequence[str]) -> bool:
        return bool(self.tests.why_not({path: mutant.text}, tests, HUNG))

    def _tests_of(self, path: str, number: int, line: Line) -> list[str]:
        """Those that run the line; of a line without a record of its own (the middle of an expression, say), those
        that run its statement."""
        coverage = self.baseline.coverage.get(path, {})
        found = set(coverage.get(number, ()))
        if not found:
            found = {test for one in line.lines for test in coverage.get(one, ())}
        return [test for test in self.baseline.tests if test in found]
