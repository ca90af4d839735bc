"""Pairs from one warm worker: both children are forked anew for each candidate, and pinned to one core."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from dean_airflow.evolution.judge.pairs import CannotOpen, Pair, pair_from_row
from dean_airflow.evolution.judge.worker import Answer, RequestFailed, Worker, WorkerDied, Workshop


class NeedsFreshProcess(Exception):
    """The candidate cannot be swapped into an imported target; the text says why."""


class WarmPairs:
    """Restarts its worker when a candidate has killed it."""

    clocks_agree = True

    def __init__(
        self, workshop: Workshop, order: dict[str, Any], core: int | None, repeats: int, limit: float, hash_seed: int
    ) -> None:
        """`limit`: seconds one run may take. Starts nothing yet."""
        self.workshop, self.order, self.hash_seed = workshop, order, hash_seed
        self.core, self.repeats, self.limit = core, repeats, limit
        self._worker: Worker | None = None
        self._had_candidate = False

    @property
    def worker(self) -> Worker:
        """The running worker, started if need be. Raises BaselineError, WorkerDied."""
        if self._worker is not None and self._worker.over:
            self.close()
        if self._worker is None:
            self._worker = Worker(self.workshop, self.order, self.hash_seed)
            if "chosen" in self.order:
                self._worker.request("choose", 10.0, ids=self.order["chosen"])
        return self._worker

    def open(self, files: dict[str, str], against: dict[str, str] | None = None) -> None:
        """Raises NeedsFreshProcess beside what Pairs.open raises."""
        answer = self._open(files, against or {})
        if "cannot_swap" in answer:
            raise NeedsFreshProcess(answer["cannot_swap"])
        if "failed" in answer or "baseline_failed" in answer:
            raise CannotOpen(answer.get("failed") or answer["baseline_failed"])

    def _open(self, files: dict[str, str], against: dict[str, str]) -> Answer:
        """Opening removes the candidate before; a worker that it took with it must not count against this one."""
        fields: dict[str, Any] = {"files": files, "against": against, "core": self.core}
        limit = max(self.limit, 5.0)
        if self._had_candidate:
            with contextlib.suppress(RequestFailed, WorkerDied):
                answer = self.worker.request("open", limit, **fields)
                if "left_behind" not in answer:
                    return answer
            self.close()
        worker, self._had_candidate = self.worker, True
        return worker.request("open", limit, **fields)

    def take(self, seeds: Sequence[int], checks: Sequence[bool]) -> list[Pair]:
        answer = self.worker.request("pairs", self.limit, seeds=list(seeds), checks=list(checks), repeats=self.repeats)
        return [pair_from_row(row) for row in answer["rows"]]

    def peaks(self, seed: int) -> tuple[float, float]:
        try:
            answer = self.worker.request("peaks", self.limit * 10, seed=seed, repeats=self.repeats)
        except RequestFailed as error:
            raise CannotOpen(f"no peak memory can be measured ({error})") from None
        return answer["baseline"], answer["candidate"]

    def close(self) -> None:
        """Ends the worker; the next use starts another."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._had_candidate = False
