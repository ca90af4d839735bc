"""Hands the champion over: one commit an edit, with what it does, why it is allowed and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.explain import explain
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.confirm import Confirmation
from dean_airflow.evolution.outcome.diffs import diff_of
from dean_airflow.evolution.outcome.edits import ChampionEdit, Handover
from dean_airflow.evolution.outcome.publish import Published, publish_champion
from dean_airflow.evolution.workplace import Workplace, bundle_of, scratch, workplace


def publish(trial_id: str, engine: Engine) -> dict[str, Any]:
    """Branch, patch and bundle as the trial's `publish` param says, and the figures of the claim; kept as a document.

    Without an improvement nothing is handed over. May be repeated. Raises PublishError, TargetError, InstallError,
    StoreError.
    """
    trial = engine.take_up(trial_id)
    validated = engine.store.documents.get(trial_id, "validated")
    published: dict[str, Any] = {"edits": [], **asdict(Published())}
    if validated["improved"]:
        with workplace(trial_id, engine) as place:
            edits = _champion_edits(validated, place)
            handover = Handover(trial_id, place.target, tuple(edits), int(trial.created_at.timestamp()))
            with scratch(engine, trial_id) as room:
                delivered = publish_champion(
                    handover,
                    place.config.publish,
                    engine.settings.cache_dir,
                    engine.artifacts(trial_id),
                    room,
                    bundle=bundle_of(trial_id, engine, room),
                    credentials=engine.credentials,
                )
            published = {**asdict(delivered), "edits": _with_diffs(edits, place.tree), **_claim(validated)}
        where = delivered.branch or delivered.patch or "not handed over"
        engine.progress(f"Published: {where}{f' in {delivered.repository}' if delivered.branch else ''}.")
    engine.store.documents.put(trial_id, "published", published)
    return {name: value for name, value in published.items() if name != "edits"}


def _champion_edits(validated: Mapping[str, Any], place: Workplace) -> list[ChampionEdit]:
    """In an order in which each applies after those before it."""
    genome = [Edit.parse(text) for text in validated["genome"]]
    found = []
    done: Genome = ()
    for edit, effect in zip(genome, validated["effects"], strict=True):
        done = (*done, edit)
        title, why = explain(edit)
        factor = math.exp(-effect["effect"]) if effect else None
        interval = (math.exp(-effect["interval"][1]), math.exp(-effect["interval"][0])) if effect else None
        found.append(ChampionEdit(str(edit), title, why, edit.label, factor, interval, place.apply(done)))
    return found


def _with_diffs(edits: list[ChampionEdit], tree: Mapping[str, str]) -> list[dict[str, Any]]:
    before: dict[str, str] = {}
    shown = []
    for edit in edits:
        data = {name: value for name, value in asdict(edit).items() if name != "files"}
        shown.append({**data, "diff": diff_of(before, dict(edit.files), tree)})
        before = dict(edit.files)
    return shown


def _claim(validated: Mapping[str, Any]) -> dict[str, Any]:
    """What is claimed of the champion, from the last measurement alone."""
    measured = Confirmation(**validated["measurement"])
    return {
        "speedup": round(measured.speedup, 4),
        "speedup_interval": [round(bound, 4) for bound in measured.speedup_interval],
        "fitness": round(max(0.0, 1.0 - 1.0 / measured.speedup), 4),
    }
