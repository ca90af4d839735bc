"""Pairs from two fresh processes, one that imported the baseline and one the candidate; slow and sure.

Used where a candidate cannot be swapped into a warm worker, and for every confirmation. The clock that counts here is
the judge's own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.judge.pairs import CannotOpen, Pair, check_times, difference
from dean_airflow.evolution.judge.worker import Answer, RequestFailed, Worker, Workshop
from dean_airflow.evolution.worker.turns import Turns


class FreshPairs:
    """Each `open` starts two processes; `take` alternates between them."""

    clocks_agree = True

    def __init__(
        self, workshop: Workshop, order: dict[str, Any], core: int | None, repeats: int, limit: float, hash_seed: int
    ) -> None:
        self.workshop, self.order, self.hash_seed = workshop, order, hash_seed
        self.core, self.repeats, self.limit = core, repeats, limit
        self._workers: dict[str, Worker] = {}
        self._trees: list[Path] = []
        self._turns = Turns()

    def open(self, files: dict[str, str], against: dict[str, str] | None = None) -> None:
        self.close()
        try:
            self._workers["c"] = self._start(files)
        except BaselineError as error:
            raise CannotOpen(str(error)) from None
        self._workers["b"] = self._start(against or {})

    def _start(self, files: dict[str, str]) -> Worker:
        """Both import a copy of the tree: a path that differed in length or depth would be a bias."""
        tree = self.workshop.copy_tree("fresh", files)
        self._trees.append(tree)
        worker = Worker(self.workshop.on(tree), self.order, self.hash_seed)
        if "chosen" in self.order:
            worker.request("choose", 10.0, ids=self.order["chosen"])
        return worker

    def take(self, seeds: Sequence[int], checks: Sequence[bool]) -> list[Pair]:
        pairs = []
        for seed, check in zip(seeds, checks, strict=True):
            pairs.append(self._pair(seed, check))
            if pairs[-1].failed:
                break
        return pairs

    def _pair(self, seed: int, check: bool) -> Pair:
        row: dict[str, Any] = {}
        nothing = (0.0, 0.0)
        for name in "cb" if self._turns.candidate_first() else "bc":
            try:
                answer, outside = self._single(name, seed, check)
            except RequestFailed as error:
                answer, outside = {"failed": str(error)}, 0.0
            if "failed" in answer:
                if name == "b":
                    raise CannotOpen(f"the unchanged benchmark fails beside it ({answer['failed']})")
                return Pair(row.get("b", nothing), nothing, failed=answer["failed"])
            only = answer["rows"][0]
            row[name] = (only["run"][0], outside - only.get("check", 0.0))
            if check:
                row[name + "_check"] = only["check"]
                row[name + "_digest"], row[name + "_says"] = only["digest"], only["says"]
        return Pair(row["b"], row["c"], differs=difference(row), checks=check_times(row))

    def _single(self, name: str, seed: int, check: bool) -> tuple[Answer, float]:
        started = time.perf_counter()
        answer = self._workers[name].request(
            "single", self.limit, seeds=[seed], checks=[check], repeats=self.repeats, core=self.core
        )
        return answer, time.perf_counter() - started

    def peaks(self, seed: int) -> tuple[float, float]:
        return self._peak("b", seed), self._peak("c", seed)

    def _peak(self, name: str, seed: int) -> float:
        try:
            answer = self._workers[name].request(
                "peak", self.limit * 10, seed=seed, repeats=self.repeats, core=self.core
            )
        except RequestFailed as error:
            raise CannotOpen(f"no peak memory can be measured ({error})") from None
        return float(answer["peak"])

    def close(self) -> None:
        for worker in self._workers.values():
            worker.close()
        for tree in self._trees:
            shutil.rmtree(tree.parent, ignore_errors=True)
        self._workers, self._trees = {}, []
