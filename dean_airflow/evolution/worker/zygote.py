"""The zygote's conversation with the judge: one request, one answer, until the judge hangs up.

A request names its `op`; an answer is `{"ok": true, ...}` or `{"ok": false, "error": text}`, with
`"last": true` if the process ends after it. Requests:

open     files, against {path: text}, core, limit → forks a candidate child (files) and one to compare it with
pairs    seeds, checks, repeats, limit   → the runs of both, interleaved: see `_one_pair`
peaks    seed, repeats, limit            → peak bytes of both
close                                    → removes both
peak     seed, repeats, core, limit      → peak bytes of the files as imported
single   seeds, checks, repeats, limit   → runs of one child of the files as imported (fresh-process pairs)
tests    files, ids, limit               → outcomes of tests (parked pytest only)
others   see profiling and tracing
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from . import child, clock, family, swap, wire, workloads
from .source_file import CannotSwap
from .turns import Turns

Answer = dict[str, Any]


class Zygote:
    """Holds the imported target and at most two children."""

    def __init__(self, connection: socket.socket, workload: workloads.Workload, project: str) -> None:
        self.connection = connection
        self.workload = workload
        self.project = project
        self.swapper = swap.Swapper(project)
        self.baseline: family.Child | None = None
        self.candidate: family.Child | None = None
        self.turns = Turns()
        self.operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "open": self.open,
            "pairs": self.pairs,
            "peaks": self.peaks,
            "close": self.close,
            "single": self.single,
            "peak": self.peak,
        }

    def serve(self) -> None:
        """Until the judge hangs up."""
        while True:
            try:
                request = wire.receive(self.connection)
            except wire.WireClosed:
                self.close({})
                return
            try:
                answer = {"ok": True, **self.operations[request["op"]](request)}
            except child.Gone as error:
                answer = {"ok": False, "error": str(error)}
            if family.strangers_left():
                wire.send(self.connection, {**answer, "last": True})
                return
            wire.send(self.connection, answer)

    def open(self, request: dict[str, Any]) -> Answer:
        """Forks both children anew, so that neither is older than the other. Those before die while it compiles."""
        self._condemn()
        files, against = request["files"], request["against"]
        core, limit = request["core"], request["limit"]
        try:
            candidate = self._plans(files, against)
            baseline = self._plans(against, files)
        except CannotSwap as error:
            return {"cannot_swap": str(error)}
        except Exception as error:  # of the compiler; nothing of the candidate's has run
            return {"failed": f"{type(error).__name__}: {error}"}
        finally:
            self.close({})
        if family.strangers_left():
            return {"left_behind": True}
        self.candidate = self._fork(candidate, core)
        self.baseline = self._fork(baseline, core)
        deadline = clock.now() + limit
        failure = self._readiness(self.candidate, deadline)
        if failure:
            self.close({})
            return {"failed": failure}
        problem = self._readiness(self.baseline, deadline)
        return {"baseline_failed": problem} if problem else {}

    def _readiness(self, one: family.Child, deadline: float) -> str:
        try:
            return one.ready(deadline)
        except child.Gone as error:
            return str(error)

    def _plans(self, files: dict[str, str], rehearsed: dict[str, str]) -> list[swap.Plan]:
        """To swap `files` in, and to exchange what `rehearsed` would change by itself. Raises CannotSwap."""
        plans = [self.swapper.plan(path, text) for path, text in files.items()]
        return plans + [self.swapper.plan_rehearsal(path, text, files.get(path)) for path, text in rehearsed.items()]

    def _fork(self, plans: list[swap.Plan], core: int | None) -> family.Child:
        """A child in which the plans are carried out."""

        def prepare() -> child.Run:
            for plan in plans:
                plan.carry_out()
            return self.workload.run

        return family.Child(prepare, core, not self.workload.takes_seed, self.connection.fileno())

    def pairs(self, request: dict[str, Any]) -> Answer:
        """One row a pair: seconds of baseline (its clock, ours) and candidate, then digests or None; a failure of the
        candidate, which is named, or another output ends the list."""
        rows: list[dict[str, Any]] = []
        for seed, check in zip(request["seeds"], request["checks"], strict=True):
            row = self._one_pair(seed, check, request["repeats"], request["limit"])
            rows.append(row)
            if "failed" in row or "baseline_failed" in row or row.get("b_digest") != row.get("c_digest"):
                break
        return {"rows": rows}

    def _one_pair(self, seed: int, check: bool, repeats: int, limit: float) -> dict[str, Any]:
        assert self.baseline is not None and self.candidate is not None, "pairs before open"
        order = [("b", self.baseline), ("c", self.candidate)]
        if self.turns.candidate_first():
            order.reverse()
        row: dict[str, Any] = {"seed": seed}
        for name, one in order:
            try:
                row[name] = one.run(seed, repeats, limit)
                if check:
                    row[name + "_digest"], row[name + "_says"], row[name + "_check"] = one.check(limit)
                one.end()
            except child.Gone as error:
                row["failed" if name == "c" else "baseline_failed"] = str(error)
                break
        return row

    def peaks(self, request: dict[str, Any]) -> Answer:
        """Peak bytes of one measurement of each."""
        assert self.baseline is not None and self.candidate is not None, "peaks before open"
        seed, repeats, limit = request["seed"], request["repeats"], request["limit"]
        return {
            "baseline": self.baseline.peak(seed, repeats, limit),
            "candidate": self.candidate.peak(seed, repeats, limit),
        }

    def only_child(self, request: dict[str, Any]) -> family.Child:
        """The child that runs what this process imported, forked when first asked for. Raises child.Gone."""
        if self.baseline is None:
            self.baseline = self._fork([], request["core"])
            failure = self._readiness(self.baseline, clock.now() + request["limit"])
            if failure:
                raise child.Gone(failure)
        return self.baseline

    def peak(self, request: dict[str, Any]) -> Answer:
        """Peak bytes of one measurement of what this process imported."""
        return {"peak": self.only_child(request).peak(request["seed"], request["repeats"], request["limit"])}

    def single(self, request: dict[str, Any]) -> Answer:
        """Runs in one child of what this process imported; the judge outside holds the clock that counts."""
        try:
            one = self.only_child(request)
        except child.Gone as error:
            return {"failed": str(error)}
        rows: list[dict[str, Any]] = []
        for seed, check in zip(request["seeds"], request["checks"], strict=True):
            try:
                row: dict[str, Any] = {"run": one.run(seed, request["repeats"], request["limit"])}
                if check:
                    row["digest"], row["says"], row["check"] = one.check(request["limit"])
                one.end()
            except child.Gone as error:
                return {"failed": str(error), "rows": rows}
            rows.append(row)
        return {"rows": rows}

    def close(self, request: dict[str, Any]) -> Answer:
        """Removes both children and whatever they started."""
        children = self._condemn()  # both, before waiting for either
        for one in children:
            one.remove()
        if children:
            family.remove_strangers(())
        self.candidate = self.baseline = None
        return {}

    def _condemn(self) -> list[family.Child]:
        """Kills the children, without waiting for their end."""
        children = [one for one in (self.candidate, self.baseline) if one is not None]
        for one in children:
            one.condemn()
        return children
