"""What the store holds of trials, as the API's models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, quantiles
from typing import Any

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.explain import explain
from dean_airflow.plugin.api.models import Bin, CandidateRow, Distribution, EditShown, TrialRow
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.trials import Trial

EDITS_SHOWN = 10
REASON_SHOWN = 300
VALUES_SHOWN = 500
BINS = 30


def trial_row(trial: Trial) -> TrialRow:
    return TrialRow(**row_of(trial))


def row_of(trial: Trial) -> dict[str, Any]:
    result = trial.result or {}
    config = trial.config
    return {
        "trial_id": trial.id,
        "repository": trial.repository,
        "ref": str(config.get("ref") or ""),
        **{name: getattr(trial, name) for name in _SAME},
        **{name: config.get(name) for name in ("generations", "islands", "population_size")},
        "speedup": result.get("speedup"),
        "speedup_interval": result.get("speedup_interval"),
        "evaluations": result.get("evaluations"),
    }


_SAME = (
    *("status", "outcome", "stop_reason", "attempt", "created_at", "started_at", "completed_at"),
    *("current_generation", "best_fitness", "dag_id", "run_id", "error"),
)


def candidate_row(island: int, numbered: NumberedEvaluation) -> CandidateRow:
    return CandidateRow(**candidate_fields(island, numbered))


def candidate_fields(island: int, numbered: NumberedEvaluation) -> dict[str, Any]:
    one = numbered.evaluation
    return {
        "island": island,
        "sequence": numbered.sequence,
        "generation": numbered.generation,
        "verdict": one.verdict,
        "stage": one.stage,
        "reason": shortened(one.reason, REASON_SHOWN),
        "fitness": one.fitness,
        "cost": finite(one.cost),
        "ratios": {name: finite(value) for name, value in one.ratios.items()},
        "pairs": one.pairs,
        "seconds": one.seconds,
        "edits": list(one.genome[:EDITS_SHOWN]),
        "edit_count": len(one.genome),
    }


def edit_shown(text: str) -> EditShown:
    """An edit in words; one of a source that is not here any more as its text alone."""
    try:
        edit = Edit.parse(text)
    except EditError:
        return EditShown(text=text, title=text, why="", label="behavioural" if text.startswith("~") else "preserving")
    try:
        title, why = explain(edit)
    except (KeyError, OSError):
        title, why = f"Make the edit {edit.kind}", ""
    return EditShown(
        text=text,
        title=title,
        why=why,
        label=edit.label,
        source=edit.source,
        kind=edit.kind,
        path=edit.path,
        function=edit.function,
    )


def distribution(values: Sequence[float]) -> Distribution | None:
    """None without a measurement."""
    usable = [value for value in values if math.isfinite(value)]
    if not usable:
        return None
    low, high = min(usable), max(usable)
    width = (high - low) / BINS
    counts = [0] * BINS if width else [len(usable)]
    if width:
        for value in usable:
            counts[min(BINS - 1, int((value - low) / width))] += 1
    middle = tuple(quantiles(usable, n=4, method="inclusive")) if len(usable) > 1 else (low, low, low)
    step = max(1, -(-len(usable) // VALUES_SHOWN))
    return Distribution(
        count=len(usable),
        mean=fmean(usable),
        lowest=low,
        quartiles=middle,  # type: ignore[arg-type]
        highest=high,
        bins=[Bin(low=low + at * width, high=low + (at + 1) * width, count=count) for at, count in enumerate(counts)],
        values=usable[::step],
    )


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def shortened(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def floats(values: Any) -> list[float]:
    return [float(value) for value in values or () if isinstance(value, int | float) and math.isfinite(value)]


def interval(value: Any) -> tuple[float, float] | None:
    found = floats(value) if isinstance(value, list | tuple) else []
    return (found[0], found[1]) if len(found) == 2 else None


def number(value: Mapping[str, Any], name: str) -> float | None:
    found = value.get(name)
    return finite(float(found)) if isinstance(found, int | float) else None
