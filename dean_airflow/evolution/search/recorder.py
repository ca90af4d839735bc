"""Every evaluation of one island, judged once and remembered; a resumed island replays what the store holds.

The search is a function of its seed and of the evaluations it is given. So to resume, it is simply run again from the
beginning: evaluations that the store already has are handed out without judging, in order, until the record ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dean_airflow.errors import EditError, StoreError
from dean_airflow.evolution.edits.edit import Genome
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.judge.judge import content_key


class Judges(Protocol):
    def judge(self, genome: Genome, files: dict[str, str], rng: random.Random) -> Evaluation: ...


Keep = Callable[[int, int, Evaluation], None]
"""(sequence, generation, evaluation) → stored; raises TrialCancelled or LeaseLost when this island must stop."""


class Exhausted(Exception):
    """The island's share of evaluations or of running time is used up; `args[0]` is the stop reason."""


@dataclass(frozen=True)
class Allowance:
    """An island's share of the trial's limits."""

    evaluations: int
    seconds: float


class Recorder:
    """Asks the judge at most once about any content; counts evaluations and the island's own running time."""

    def __init__(
        self,
        judge: Judges,
        apply: Callable[[Genome], dict[str, str]],
        seed: str,
        allowance: Allowance,
        recorded: Sequence[Evaluation],
        keep: Keep,
    ) -> None:
        """`recorded`: this island's evaluations so far, in sequence."""
        self._judge, self._apply, self._seed, self._keep = judge, apply, seed, keep
        self._recorded = list(recorded)
        self.allowance = allowance
        self.history: list[Evaluation] = []
        self._by_key: dict[str, Evaluation] = {}
        self._since = time.perf_counter()
        self.seconds = 0.0
        self.repeats = 0
        """Genomes that gave content already judged."""

    @property
    def replaying(self) -> bool:
        """Whether the next evaluation comes from the record."""
        return len(self.history) < len(self._recorded)

    def evaluate(self, genome: Genome, generation: int) -> Evaluation | None:
        """The evaluation of a genome; None if its edits cannot be applied together or change nothing.

        Raises Exhausted when the allowance is used up, and whatever `keep` raises.
        """
        try:
            files = self._apply(genome)
        except EditError:
            return None
        if not files:
            return None
        key = content_key(files)
        if key in self._by_key:
            self.repeats += 1
            return replace(self._by_key[key], genome=tuple(str(edit) for edit in genome))
        self._check_allowance()
        number = len(self.history)
        if self.replaying:
            evaluation = self._recorded[number]
            if evaluation.key != key:
                raise StoreError(
                    f"The island's record does not fit this search at evaluation {number}: the target, the seed or "
                    "DEAN's version has changed since; start a new trial."
                )
            self._since = time.perf_counter()
        else:
            evaluation = self._judge_now(genome, files, number)
            self._keep(number, generation, evaluation)
        self.history.append(evaluation)
        self._by_key[key] = evaluation
        self.seconds += evaluation.seconds
        return evaluation

    def _judge_now(self, genome: Genome, files: dict[str, str], number: int) -> Evaluation:
        evaluation = self._judge.judge(genome, files, random.Random(f"{self._seed}/{number}"))
        now = time.perf_counter()
        evaluation = replace(evaluation, seconds=now - self._since)
        self._since = now
        return evaluation

    def _check_allowance(self) -> None:
        if len(self.history) >= self.allowance.evaluations:
            raise Exhausted("evaluations")
        if self.seconds >= self.allowance.seconds:
            raise Exhausted("runtime")
