"""A trial in a few words, as frames have it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from dean_airflow.store.models import TrialRow

_COLUMNS = (
    *("id", "repository", "config", "status", "outcome", "stop_reason", "attempt", "dag_id", "run_id"),
    *("created_at", "updated_at", "started_at", "completed_at", "current_generation", "best_fitness", "error"),
)
_SELECT = select(*(getattr(TrialRow, name) for name in _COLUMNS))


def summaries(session: Session, trial_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of those of the trials that there are, by id."""
    if not trial_ids:
        return {}
    found = session.execute(_SELECT.where(TrialRow.id.in_(trial_ids)))
    return {row.id: _summary(row._mapping) for row in found}


def _summary(row: RowMapping) -> dict[str, Any]:
    config = row["config"]
    return {
        "trial_id": row["id"],
        "repository": row["repository"],
        "name": row["repository"].rstrip("/").rpartition("/")[2].removesuffix(".git") or row["repository"],
        **{name: row[name] for name in ("status", "outcome", "stop_reason", "attempt", "dag_id", "run_id")},
        **{name: _time(row[name]) for name in ("created_at", "updated_at", "started_at", "completed_at")},
        "current_generation": row["current_generation"],
        "generations": config.get("generations"),
        "best_fitness": row["best_fitness"],
        "error": row["error"],
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
