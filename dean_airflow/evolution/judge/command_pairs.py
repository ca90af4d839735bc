"""Pairs for a benchmark that is a command: a new process each run, in a tree of its own; its last number is the cost.

What counts as output is what the command prints apart from that number. Its own figure is the child's clock here, the
time the command took by the judge's clock the parent's; a gain is confirmed by the latter.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dean_airflow.evolution.judge.pairs import CannotOpen, Pair
from dean_airflow.evolution.judge.worker import HARNESS, Workshop, jail_environment
from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.sandbox import run
from dean_airflow.evolution.worker.turns import Turns

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
SHOWN = 200


class CommandPairs:
    """`order["command"]` is the argument list. Each tree is copied once at `open`."""

    clocks_agree = False

    def __init__(
        self, workshop: Workshop, order: dict[str, Any], core: int | None, repeats: int, limit: float, hash_seed: int
    ) -> None:
        """`limit`: seconds one command may take. `repeats` has no meaning here: a command repeats itself."""
        self.workshop, self.order, self.core = workshop, order, core
        self.limit, self.hash_seed = limit + 5.0, hash_seed
        self._trees: dict[str, Path] = {}
        self._turns = Turns()

    def open(self, files: dict[str, str], against: dict[str, str] | None = None) -> None:
        self.close()
        self._trees["c"] = self.workshop.copy_tree("candidate", files)
        self._trees["b"] = self.workshop.copy_tree("baseline", against or {})

    def take(self, seeds: Sequence[int], checks: Sequence[bool]) -> list[Pair]:
        """Outputs are compared at every pair: they are there anyway."""
        pairs = []
        for _ in seeds:
            pairs.append(self._pair())
            if pairs[-1].failed:
                break
        return pairs

    def _pair(self) -> Pair:
        runs: dict[str, tuple[float, float, bytes]] = {}
        for name in "cb" if self._turns.candidate_first() else "bc":
            try:
                runs[name] = run_command(
                    self.workshop, self._trees[name], self.order["command"], self.core, self.limit, self.hash_seed
                )
            except CommandFailed as error:
                if name == "b":
                    raise CannotOpen(f"the unchanged benchmark fails beside it ({error})") from None
                return Pair((0.0, 0.0), (0.0, 0.0), failed=str(error))
        baseline, candidate = runs["b"], runs["c"]
        differs = "" if baseline[2] == candidate[2] else _difference(baseline[2], candidate[2])
        return Pair(baseline[:2], candidate[:2], differs=differs)

    def peaks(self, seed: int) -> tuple[float, float]:
        raise CannotOpen("peak memory is not measured for a benchmark that is a command")

    def close(self) -> None:
        for tree in self._trees.values():
            shutil.rmtree(tree.parent, ignore_errors=True)
        self._trees = {}


class CommandFailed(Exception):
    """The command ended badly or printed no number; the text says how."""


def run_command(
    workshop: Workshop,
    tree: Path,
    command: Sequence[str],
    core: int | None,
    limit: float,
    hash_seed: int = 0,
    profile: Path | None = None,
) -> tuple[float, float, bytes]:
    """Cost, seconds by our clock, and the output without the number; with `profile`, a directory that the harness in
    the command's own process writes its profile into. Raises CommandFailed."""
    room = Path(tempfile.mkdtemp(prefix="command-", dir=workshop.scratch))
    roots = [str(tree / root) if root else str(tree) for root in workshop.roots]
    environment = jail_environment(workshop.environment, room, hash_seed)
    if profile is not None:
        roots = [str(HARNESS / "profile_command"), *roots]
        environment |= {"DEAN_PROFILE": str(profile), "DEAN_PROJECT": str(tree)}
    environment["PYTHONPATH"] = os.pathsep.join(roots)
    jail = Jail(
        readable=(*workshop.environment.readable, HARNESS),
        writable=(room, tree, *(() if profile is None else (profile,))),
        cwd=tree,
        environment=environment,
        limits=replace(workshop.limits, wall_seconds=limit),
    )
    pinned = ["taskset", "-c", str(core), *command] if core is not None and shutil.which("taskset") else list(command)
    started = time.perf_counter()
    try:
        done = run(workshop.sandbox, pinned, jail)
        seconds = time.perf_counter() - started
    finally:
        shutil.rmtree(room, ignore_errors=True)
    if done.stopped_for:
        raise CommandFailed(f"was stopped for its {done.stopped_for} limit")
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        raise CommandFailed(f"exited with {done.returncode}: {last[0][:SHOWN]}")
    numbers = list(_NUMBER.finditer(done.stdout))
    if not numbers:
        raise CommandFailed("printed no number")
    last_number = numbers[-1]
    cost = float(last_number.group())
    if not cost > 0:
        raise CommandFailed(f"printed {cost:g} as its last number; a cost must be above 0")
    return cost, seconds, done.stdout[: last_number.start()] + done.stdout[last_number.end() :]


def _difference(before: bytes, after: bytes) -> str:
    for number, (one, other) in enumerate(zip(before.splitlines(), after.splitlines(), strict=False), 1):
        if one != other:
            return f"line {number} of the output was {one[:SHOWN]!r} and is {other[:SHOWN]!r}"
    return "the output has another number of lines"
