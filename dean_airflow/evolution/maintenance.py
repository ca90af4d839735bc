"""The daily cleaning of one machine and of the store: what no trial needs any more goes."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

from upath import UPath

from dean_airflow.config import Settings
from dean_airflow.errors import IllegalTransition
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.outcome.branches import remove_branch, trial_branches
from dean_airflow.evolution.target.environment import remove_old_environments
from dean_airflow.evolution.target.workspaces import remove_orphans
from dean_airflow.metrics.history import History
from dean_airflow.store.maintenance import (
    abandoned_trials,
    remove_old_patterns,
    remove_old_trials,
    stopped_trials,
    vacuum,
)

KEPT_DEPLOYMENTS = timedelta(days=365)
"""Longer than trials: who deployed what is asked long afterwards, and a deployment is a few rows."""
_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def tidy(engine: Engine) -> dict[str, Any]:
    """Applies the retention settings; answers how many of each it removed, after saying so line by line.

    Idempotent, and safe beside running trials: it touches nothing that an unfinished trial may use. Raises StoreError.
    """
    settings, store = engine.settings, engine.store
    silent = timedelta(hours=settings.keep_clones_hours)
    abandoned = [trial for trial in abandoned_trials(store, silent) if _give_up(engine, trial)]
    old = remove_old_trials(store, timedelta(days=settings.keep_trials_days))
    removed = {
        "abandoned_trials": len(abandoned),
        "old_trials": len(old),
        "artifact_folders": sum(_remove_artifacts(settings, trial) for trial in old),
        "branches": _remove_branches(settings.cache_dir, {*old, *stopped_trials(store)}),
        "clones": len(remove_orphans(settings.scratch_dir, settings.keep_clones_hours)),
        "environments": len(remove_old_environments(settings.cache_dir, settings.keep_environments_days)),
        "patterns": remove_old_patterns(store, timedelta(days=settings.keep_patterns_days)),
        "audit_entries": store.audit.remove_old(),
        "remembered_requests": store.requests.remove_old(),
        "validations": store.validations.remove_old(),
        "deployments": store.deployments.remove_old(KEPT_DEPLOYMENTS),
        "service_patterns": store.service_patterns.remove_unseen(timedelta(days=settings.keep_patterns_days)),
    }
    metrics = History(store)
    removed["rolled_up"] = metrics.roll_up()
    removed |= metrics.purge()
    vacuum(store)
    for name, count in removed.items():
        engine.progress(f"{name.replace('_', ' ')}: {count}")
    return removed


def _give_up(engine: Engine, trial_id: str) -> bool:
    """A trial whose run died without closing it has failed, so that each trial is in exactly one true status."""
    try:
        engine.store.trials.transition(
            trial_id, "failed", stop_reason="error", error="Its run ended without closing the trial."
        )
    except IllegalTransition:  # it has just come to its own end
        return False
    return True


def _remove_artifacts(settings: Settings, trial_id: str) -> bool:
    folder = UPath(settings.artifacts) / trial_id
    if not _TRIAL_ID.fullmatch(trial_id) or not folder.exists():
        return False
    folder.fs.rm(folder.path, recursive=True)
    return True


def _remove_branches(cache_dir: Path, trials: Collection[str]) -> int:
    """Branches of these trials in DEAN's own repositories; in a user's, a branch is the user's to delete."""
    gone = [branch for branch in trial_branches(cache_dir) if branch.trial_id in trials]
    for branch in gone:
        remove_branch(branch)
    return len(gone)
