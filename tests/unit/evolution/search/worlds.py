"""A world to search in: named edits with known worths, and a judge that computes what a real one measures.

The judge is the documented seam of an island; everything else is the real search.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.source import Site, SourceTree
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.judge.judge import content_key
from dean_airflow.evolution.search.island import Exchange, Generation, Island
from dean_airflow.evolution.search.recorder import Allowance, Recorder
from dean_airflow.evolution.trial_config import TrialConfig

TREE = {"a.py": "def f():\n    pass\n"}
SITE = Site("a.py", "f", 1.0)


def edit(number: int) -> Edit:
    return Edit("named", f"kind-{number}", "a.py", "f")


@dataclass(frozen=True)
class NamedEdits:
    """Edits 0..count-1, each appending a line of its own."""

    count: int
    name: str = "named"
    preserves: bool = True

    def enumerate(self, site: Site, tree: SourceTree) -> Iterable[Edit]:
        return [edit(number) for number in range(self.count)]

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        return edit(rng.randrange(self.count)) if self.count else None

    def apply(self, one: Edit, text: str, tree: SourceTree) -> str:
        return text + f"# {one.kind}\n"


def apply(genome: Genome) -> dict[str, str]:
    """The order of edits does not matter to the files, as for real edits of different places."""
    if len(set(genome)) < len(genome):
        raise EditError("twice")
    return {"a.py": TREE["a.py"] + "".join(sorted(f"# {one.kind}\n" for one in genome))} if genome else {}


@dataclass
class Computing:
    """Cost = exp of the sum of the edits' worths; `clashes` are pairs of edits that are invalid together."""

    worths: dict[int, float]
    clashes: frozenset[frozenset[int]] = frozenset()
    asked: list[str] = field(default_factory=list)

    def judge(self, genome: Genome, files: dict[str, str], rng: random.Random) -> Evaluation:
        key = content_key(files)
        self.asked.append(key)
        texts = tuple(str(one) for one in genome)
        numbers = {int(one.kind.removeprefix("kind-")) for one in genome}
        if any(clash <= numbers for clash in self.clashes):
            return Evaluation(key, texts, "invalid", "output", "they clash")
        gain = sum(self.worths.get(number, 0.0) for number in sorted(numbers))
        cost = math.exp(gain)
        verdict = "win" if gain < -0.02 else "worse" if gain > 0.02 else "neutral"
        return Evaluation(
            key,
            texts,
            verdict,
            "tests",
            fitness=max(0.0, 1 - cost),
            cost=cost,
            ratios={"cost": cost},
            log_ratios=(gain,),
        )


@dataclass
class World:
    """One island's run and everything seen of it."""

    judge: Computing
    edits: int = 12
    params: dict[str, object] = field(default_factory=dict)
    number: int = 0
    count: int = 1
    recorded: Sequence[Evaluation] = ()
    taken: dict[int, Genome] = field(default_factory=dict)
    kept: list[tuple[int, int, Evaluation]] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    offered: list[tuple[int, Genome, float]] = field(default_factory=list)
    allowance: Allowance = field(default_factory=lambda: Allowance(10_000, 1e9))

    def island(self) -> Island:
        defaults = {"population_size": 10, "generations": 8, "fitness_threshold": 1.0, "edit_sources": ["generic"]}
        config = TrialConfig.build({"repository": "r", **defaults, **self.params})
        self.recorder = Recorder(
            self.judge,
            apply,
            f"{config.seed}/{self.number}",
            self.allowance,
            self.recorded,
            lambda *row: self.kept.append(row),
        )
        return Island(
            self.number,
            self.count,
            config,
            [SITE],
            [NamedEdits(self.edits)],
            TREE,
            {},
            self.recorder,
            Exchange(lambda *row: self.offered.append(row), lambda generation: self.taken.get(generation)),
            self.generations.append,
        )

    def run(self) -> str:
        return self.island().run()

    @property
    def history(self) -> list[tuple[str, tuple[str, ...], str, float]]:
        """Everything of the evaluations but how long they took."""
        return [(one.key, one.genome, one.verdict, one.fitness) for one in self.recorder.history]
