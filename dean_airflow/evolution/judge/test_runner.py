"""Runs the target's tests against a candidate: chosen ones in a parked session, all of them in a fresh process."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.judge.worker import Answer, RequestFailed, Worker, WorkerDied, Workshop

FAST_TESTS_SECONDS = 10.0
"""What one candidate's tests may cost while screening; would-be champions face the whole suite."""


class TestRunner:
    """The parked session starts at the first use."""

    __test__ = False

    def __init__(self, workshop: Workshop, arguments: Sequence[str], suite_seconds: float, suite_size: int) -> None:
        """`arguments` are pytest's; the last two say what the whole suite took and how many tests it has."""
        self.workshop, self.arguments = workshop, list(arguments)
        self.seconds_each = suite_seconds / max(suite_size, 1)
        self._worker: Worker | None = None
        self._usable: dict[str, float] | None = None

    @property
    def worker(self) -> Worker:
        """The parked session. Raises BaselineError, WorkerDied."""
        if self._worker is not None and self._worker.over:
            self.close()
        if self._worker is None:
            self._worker = Worker(self.workshop, {"kind": "tests", "tests": self.arguments})
        return self._worker

    def why_not(self, files: dict[str, str], ids: Sequence[str], patience: float = 10.0) -> str:
        """The first failure among `ids`, or empty. At most FAST_TESTS_SECONDS' worth of them, spread evenly.

        `patience`: seconds that they may take beyond ten times their usual.
        """
        chosen = _thinned(list(ids), int(FAST_TESTS_SECONDS / max(self.seconds_each, 1e-4)))
        usual = self._passing_here()
        chosen = [one for one in chosen if one in usual]
        if not chosen:
            return ""
        limit = patience + 10.0 * sum(usual[one] for one in chosen)
        try:
            answer = self.worker.request("tests", limit, files=files, ids=chosen, stop=True)
        except RequestFailed as error:
            return f"its tests end badly ({error})"
        except WorkerDied as error:
            self.close()
            return f"its tests end badly ({error})"
        if "cannot_swap" in answer:
            answer = whole_suite(self.workshop, files, [*self.arguments], limit, chosen)
        return first_failure(answer)

    def _passing_here(self) -> dict[str, float]:
        """Tests that pass in the parked session with nothing changed, with the seconds they take: some need to write
        beside themselves or a process of their own, and are left to the whole suite."""
        if self._usable is None:
            ids = self.worker.ready["ids"]
            limit = 30.0 + 20.0 * self.seconds_each * len(ids)
            answer = self.worker.request("tests", limit, files={}, ids=ids, stop=False)
            took = answer["durations"]
            self._usable = {one: took[one] for one, outcome in answer["outcomes"].items() if outcome == "passed"}
        return self._usable

    def close(self) -> None:
        """Ends the parked session; the next use starts another."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def whole_suite(
    workshop: Workshop, files: dict[str, str], arguments: list[str], limit: float, ids: Sequence[str] | None = None
) -> Answer:
    """Runs tests in a fresh process on a fresh, writable copy of the tree: `outcomes` by id, `failures` with a line
    each, `seconds`. Tests that the candidate made vanish count as failed. Raises BaselineError, RequestFailed,
    WorkerDied."""
    tree = workshop.copy_tree("suite", files)
    try:
        with Worker(workshop.on(tree, writable=True), {"kind": "tests", "tests": arguments}) as worker:
            found = worker.ready["ids"]
            wanted = list(found if ids is None else ids)
            there = [one for one in wanted if one in set(found)]
            answer = worker.request("tests", limit, files={}, ids=there, stop=False)
            for one in set(wanted) - set(answer["outcomes"]):
                answer["outcomes"][one] = "failed"
                answer["failures"][one] = "it was not run to its end"
            return {**answer, "ids": found, "collection_errors": worker.ready["collection_errors"]}
    finally:
        shutil.rmtree(tree.parent, ignore_errors=True)


def suite_problem(
    workshop: Workshop, files: dict[str, str], arguments: list[str], limit: float, ids: Sequence[str]
) -> str:
    """Why the whole suite does not pass with `files`, or empty."""
    try:
        return first_failure(whole_suite(workshop, files, arguments, limit, ids))
    except (BaselineError, RequestFailed, WorkerDied) as error:
        return f"the suite ends badly ({error})"


def first_failure(answer: Answer) -> str:
    """One sentence about the first test that did not pass: they did with the baseline, so skipping one will not do."""
    for one, outcome in answer["outcomes"].items():
        if outcome == "skipped":
            return f"{one} is skipped, with the baseline it passes"
        if outcome == "failed":
            return f"{one} fails: {answer['failures'].get(one, 'no reason given')}"
    return ""


def _thinned(ids: list[str], most: int) -> list[str]:
    if len(ids) <= most:
        return ids
    step = len(ids) / max(most, 1)
    return [ids[int(number * step)] for number in range(max(most, 1))]
