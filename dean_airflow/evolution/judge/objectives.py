"""The objectives that are read off the source text: complexity and size; and how objectives make one cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from dean_airflow.evolution.edits.source import SourceTree

TEXT_OBJECTIVES = ("complexity", "size")


def log_cost(weights: Mapping[str, float], ratios: Mapping[str, float]) -> float:
    """ln of the weighted geometric mean of the ratios: Σ weight · ln(ratio). Ratios are positive; weights sum to 1."""
    return sum(weight * math.log(max(ratios[name], 1e-9)) for name, weight in weights.items() if weight)


def text_ratios(weights: Mapping[str, float], tree: SourceTree, files: Mapping[str, str]) -> dict[str, float]:
    """Candidate / baseline over all files that may change, for the weighted objectives that need no run.

    `size` counts the bytes of the files; `complexity` is their summed cyclomatic complexity (McCabe, by radon).
    """
    measures: dict[str, Callable[[str], int]] = {"size": _size, "complexity": _complexity}
    ratios = {}
    for name in TEXT_OBJECTIVES:
        if weights.get(name):
            measure = measures[name]
            before = sum(measure(text) for text in tree.values())
            after = sum(measure(files.get(path, text)) for path, text in tree.items())
            ratios[name] = after / max(before, 1)
    return ratios


def _size(text: str) -> int:
    return len(text.encode())


@lru_cache(maxsize=4096)
def _complexity(text: str) -> int:
    from radon.visitors import ComplexityVisitor

    return int(ComplexityVisitor.from_code(text).total_complexity)
