"""Remembers which kinds of edits were tried and which paid, for the trials to come."""

from __future__ import annotations

from typing import Any

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.patterns import context_of
from dean_airflow.evolution.workplace import workplace
from dean_airflow.store.patterns import Observation

Key = tuple[str, str]


def catalogue_patterns(trial_id: str, engine: Engine) -> dict[str, Any]:
    """`patterns`: how many kinds in contexts this trial said something about. May be repeated without harm.

    Tries are the edits judged alone, so that a bundle's company says nothing about it; confirmed wins are the edits of
    the published champion. Raises StoreError, TargetError, InstallError.
    """
    with workplace(trial_id, engine) as place:
        observations = observe(trial_id, engine, place.tree)
    engine.store.patterns.record_all(trial_id, observations)
    return {"patterns": len(observations)}


def observe(trial_id: str, engine: Engine, tree: SourceTree) -> list[Observation]:
    """What the trial's evaluations and its champion say, one observation a kind and context."""
    tried: dict[Key, int] = {}
    effects: dict[Key, list[float]] = {}
    contexts: dict[Edit, str] = {}

    def key(text: str) -> Key:
        edit = Edit.parse(text)
        if edit not in contexts:
            contexts[edit] = context_of(edit, tree)
        return f"{edit.source}.{edit.kind}", contexts[edit]

    for _, numbered in engine.store.evaluations.for_trial(trial_id):
        genome = numbered.evaluation.genome
        if len(genome) == 1:
            try:
                tried[key(genome[0])] = tried.get(key(genome[0]), 0) + 1
            except EditError:
                continue
    validated = engine.store.documents.get(trial_id, "validated") or {}
    for text, effect in zip(validated.get("genome", []), validated.get("effects", []), strict=True):
        effects.setdefault(key(text), []).append(effect["effect"] if effect else 0.0)
    return [
        Observation(
            kind=kind,
            context=context,
            tried=max(tried.get((kind, context), 0), len(effects.get((kind, context), []))),
            confirmed=len(effects.get((kind, context), [])),
            effects=tuple(effects.get((kind, context), [])),
        )
        for kind, context in {**tried, **effects}
    ]
