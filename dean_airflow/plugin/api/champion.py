"""A trial's champion: its edits with what each is worth, and the measurements that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dean_airflow.plugin.api.answers import edit_shown, floats, interval, number
from dean_airflow.plugin.api.diffs import cut
from dean_airflow.plugin.api.models import Champion, ChampionEdit, ConfirmationRow, MeasurementShown

DIFF_OF_AN_EDIT = 64 * 1024
"""Bytes of one edit's diff that are shown; the patch has the whole."""
SECONDS_SHOWN = 400


def champion_of(documents: Mapping[str, Any], has_patch: bool) -> Champion:
    """Of the documents `champion`, `validated` and `published`, as far as there are."""
    found, validated, published = (documents.get(name) or {} for name in ("champion", "validated", "published"))
    return Champion(
        state=_state(documents),
        island=found.get("island"),
        sequence=found.get("sequence"),
        edits=_edits(found, validated, published),
        speedup=number(published, "speedup"),
        speedup_interval=interval(published.get("speedup_interval")),
        fitness=number(published, "fitness") if published else number(found, "fitness"),
        confirmations=[_confirmation(one) for one in found.get("confirmations", ())],
        measurement=_measurement(validated.get("measurement") or found.get("confirmation")),
        branch=published.get("branch"),
        branch_in=published.get("repository"),
        commit=published.get("commit"),
        has_patch=has_patch,
    )


def _state(documents: Mapping[str, Any]) -> Any:
    found, validated, published = (documents.get(name) or {} for name in ("champion", "validated", "published"))
    if not found:
        return "none"
    if not found.get("improved") or (validated and not validated.get("improved")):
        return "refuted" if found.get("confirmations") else "none"
    return "published" if published.get("edits") else "validated" if validated else "confirmed"


def _edits(found: Mapping[str, Any], validated: Mapping[str, Any], published: Mapping[str, Any]) -> list[ChampionEdit]:
    if published.get("edits"):
        return [_published(edit) for edit in published["edits"]]
    genome: Sequence[str] = validated.get("genome") or found.get("genome") or ()
    unknown: dict[str, Any] = {"diff": "", "diff_truncated": False, "effect": None, "effect_interval": None}
    return [ChampionEdit(**edit_shown(text).model_dump(), **unknown) for text in genome]


def _published(edit: Mapping[str, Any]) -> ChampionEdit:
    diff = str(edit.get("diff", ""))
    shown = cut(diff.encode(), 0, DIFF_OF_AN_EDIT)
    words = edit_shown(str(edit["text"])).model_dump() | {
        name: str(edit[name]) for name in ("title", "why", "label") if name in edit
    }
    return ChampionEdit(
        **words,
        diff=shown.diff,
        diff_truncated=shown.truncated,
        effect=number(edit, "factor"),
        effect_interval=interval(edit.get("interval")),
    )


def _confirmation(one: Mapping[str, Any]) -> ConfirmationRow:
    return ConfirmationRow(
        edits=one.get("edits"),
        accepted=bool(one.get("accepted")),
        p_value=number(one, "p_value"),
        speedup=number(one, "speedup"),
        speedup_interval=interval(one.get("speedup_interval")),
        problem=str(one.get("problem") or ""),
    )


def _measurement(kept: Any) -> MeasurementShown | None:
    if not isinstance(kept, Mapping):
        return None
    return MeasurementShown(
        baseline_seconds=floats(kept.get("baseline_seconds"))[:SECONDS_SHOWN],
        candidate_seconds=floats(kept.get("candidate_seconds"))[:SECONDS_SHOWN],
        log_ratios=[floats(ratios)[:SECONDS_SHOWN] for ratios in kept.get("log_ratios", ())],
    )
