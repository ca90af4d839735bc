"""Decides about candidates, cheapest stage first: parse, output, cost, output again, behaviour, tests."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.behaviour.check import BehaviourCheck
from dean_airflow.evolution.edits.edit import Genome
from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.judge import sequential
from dean_airflow.evolution.judge.affected import affected_tests
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.evaluation import Evaluation, Stage, Verdict
from dean_airflow.evolution.judge.pairs import CannotOpen, Pair, Pairs, contradiction
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.warm_pairs import NeedsFreshProcess
from dean_airflow.evolution.judge.worker import RequestFailed, WorkerDied

CHECK_SHARE = 0.25
"""Share of measured runs whose output is compared as well, beside the first of every batch."""
EARLY_PAIRS, EARLY_SHARE = 16, 0.05
"""The same for a candidate's first pairs, beside its very first: most candidates are dropped by then, and of what is
dropped nothing is claimed. Large outputs take longer to compare than to compute."""
MAX_SEED = 2**31


@dataclass(frozen=True)
class Rejected(Exception):
    """A stage's end of a candidate."""

    stage: Stage
    reason: str


@dataclass
class Judge:
    """One island's judge. Its workers start when first needed and end with `close`."""

    tree: SourceTree
    baseline: Baseline
    costing: Costing
    screening: Pairs
    """Pairs to screen with: warm, or fresh where the target does not allow forking."""
    fresh: Pairs
    """For candidates that cannot be swapped in."""
    other_hash: Pairs
    """Under another hash seed: outputs only."""
    tests: TestRunner
    behaviour: BehaviourCheck | None = None
    _log: list[float] = field(default_factory=list)

    def judge(self, genome: Genome, files: dict[str, str], rng: random.Random) -> Evaluation:
        """The verdict on the candidate that consists of `files` (path → new text). Never raises for its faults."""
        started = time.perf_counter()
        key = content_key(files)
        texts = tuple(str(edit) for edit in genome)
        self._log = []
        try:
            verdict, ratios, cost = self._stages(genome, files, rng)
            evaluation = Evaluation(
                key, texts, verdict, "tests" if verdict == "win" else "cost", "", max(0.0, 1.0 - cost), cost, ratios
            )
        except Rejected as rejected:
            evaluation = Evaluation(key, texts, "invalid", rejected.stage, rejected.reason[:500])
        except (CannotOpen, WorkerDied, RequestFailed) as error:
            self._restart()
            evaluation = Evaluation(key, texts, "invalid", "output", str(error)[:500])
        seconds = time.perf_counter() - started
        return Evaluation(
            **{**vars(evaluation), "pairs": len(self._log), "log_ratios": tuple(self._log), "seconds": seconds}
        )

    def _stages(
        self, genome: Genome, files: dict[str, str], rng: random.Random
    ) -> tuple[Verdict, dict[str, float], float]:
        pairs = self._open(files)
        verdict, costs = self._measure(pairs, self.costing.constant(files, {}, pairs, rng), rng)
        cost = math.exp(median(costs))
        ratios = {"cost": cost} | ({"runtime": math.exp(median(self._log))} if self._log else {})
        if verdict == "win":
            self._check_other_hash(files, rng)
            self._check_behaviour(genome, files)
            self._check_tests(files)
        return verdict, ratios, cost

    def _open(self, files: dict[str, str]) -> Pairs:
        """Compiles and loads the candidate."""
        try:
            try:
                self.screening.open(files)
                return self.screening
            except NeedsFreshProcess:
                self.fresh.open(files)
                return self.fresh
        except CannotOpen as error:
            stage: Stage = "parse" if str(error).startswith(("SyntaxError", "IndentationError")) else "output"
            raise Rejected(stage, f"does not load: {error}") from None

    def _measure(self, pairs: Pairs, constant: float, rng: random.Random) -> tuple[Verdict, list[float]]:
        """The sequential test on the pairs' log costs; where runtime is no objective, one pair shows the output."""
        if not self.costing.runtime:
            self._take(pairs, 1, rng)
            return "win" if constant < math.log(1 - self.costing.floor) - 1e-9 else "neutral", [constant]
        costs: list[float] = []
        taken: list[Pair] = []
        decision: sequential.Decision = "more"
        for upto in sequential.CHECKPOINTS:
            taken += self._take(pairs, upto - len(taken), rng, after=len(taken))
            self._log = [pair.log_ratio for pair in taken]
            costs = [self.costing.runtime * x + constant for x in self._log]
            decision = sequential.decide(costs, self.costing.floor, self.baseline.noise)
            if decision != "more":
                break
        lie = contradiction(taken) if decision == "win" and pairs.clocks_agree else ""
        if lie:
            raise Rejected("cost", lie)
        return "neutral" if decision == "more" else decision, costs

    def _take(self, pairs: Pairs, count: int, rng: random.Random, after: int = 0) -> list[Pair]:
        """`count` more pairs of a candidate that has had `after` of them."""
        seeds = [rng.randrange(MAX_SEED) for _ in range(count)]
        early = after + count <= EARLY_PAIRS
        share = EARLY_SHARE if early else CHECK_SHARE
        checks = [rng.random() < share for _ in range(count)]
        checks[0] = checks[0] or not early or after == 0
        taken = pairs.take(seeds, checks)
        _refuse_wrong(taken)
        return taken

    def _check_other_hash(self, files: dict[str, str], rng: random.Random) -> None:
        """Order of sets and the like must not have hidden a difference."""
        try:
            self.other_hash.open(files)
        except NeedsFreshProcess:
            return  # fresh pairs take another hash seed each
        except CannotOpen as error:
            raise Rejected("output", f"under another hash seed: {error}") from None
        _refuse_wrong(self.other_hash.take([rng.randrange(MAX_SEED) for _ in range(2)], [True, True]))

    def _check_behaviour(self, genome: Genome, files: Mapping[str, str]) -> None:
        if self.behaviour is not None:
            reason = self.behaviour.why_not(genome, files)
            if reason:
                raise Rejected("behaviour", reason)

    def _check_tests(self, files: dict[str, str]) -> None:
        touched = affected_tests(self.tree, files, self.baseline.coverage)
        reason = self.tests.why_not(files, [one for one in self.baseline.tests if one in touched])
        if reason:
            raise Rejected("tests", reason)

    def _restart(self) -> None:
        for pairs in (self.screening, self.fresh, self.other_hash):
            pairs.close()

    def close(self) -> None:
        """Ends every worker."""
        self._restart()
        self.tests.close()
        if self.behaviour is not None:
            self.behaviour.close()


def _refuse_wrong(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if pair.failed:
            raise Rejected("output", pair.failed)
        if pair.differs:
            raise Rejected("output", pair.differs)


def content_key(files: Mapping[str, str]) -> str:
    """32 hex digits, equal for genomes that give the same files."""
    hasher = hashlib.blake2b(digest_size=16)
    for path in sorted(files):
        for part in (path, files[path]):
            body = part.encode("utf-8", "surrogatepass")
            hasher.update(b"%d:" % len(body) + body)
    return hasher.hexdigest()
