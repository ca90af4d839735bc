"""What two versions of the target cost relative to one another, with the trial's objectives and weights."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.judge.objectives import log_cost, text_ratios
from dean_airflow.evolution.judge.pairs import Pairs
from dean_airflow.evolution.judge.sequential import FLOOR


@dataclass(frozen=True)
class Costing:
    """ln(cost ratio) of a pair = `runtime` · ln(runtime ratio) + `constant` of the two versions."""

    weights: Mapping[str, float]
    tree: SourceTree

    @property
    def runtime(self) -> float:
        """Weight of the runtime; 0 means that costs are not subject to noise."""
        return self.weights.get("runtime", 0.0)

    @property
    def floor(self) -> float:
        """Share of the cost below which no gain is claimed; what is read off the text is exact and needs none."""
        return FLOOR if self.runtime or self.weights.get("memory") else 0.0

    def constant(self, files: Mapping[str, str], against: Mapping[str, str], pairs: Pairs, rng: random.Random) -> float:
        """The part of ln(cost ratio) that needs no repeated measurement: complexity, size, peak memory.

        `pairs` must be open on the two versions if memory is an objective. Raises CannotOpen.
        """
        before = {**self.tree, **against}
        after = {path: files.get(path, text) for path, text in self.tree.items()}
        ratios = text_ratios(self.weights, before, after)
        if self.weights.get("memory"):
            baseline, candidate = pairs.peaks(rng.randrange(2**31))
            ratios["memory"] = candidate / max(baseline, 1.0)
        fixed = {name: weight for name, weight in self.weights.items() if name != "runtime"}
        return log_cost(fixed, ratios)
