"""The daily cleaning of one machine and of the store: what no trial needs any more goes."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from upath import UPath

from dean_airflow.config import Settings
from dean_airflow.errors import IllegalTransition
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.target.environment import remove_old_environments
from dean_airflow.evolution.target.git import run_git
from dean_airflow.evolution.workplace import SCRATCH_PREFIX
from dean_airflow.store.maintenance import (
    abandoned_trials,
    remove_old_patterns,
    remove_old_trials,
    stopped_trials,
    unfinished_trials,
    vacuum,
)

BRANCHES = "refs/heads/dean/"
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
        "clones": _remove_clones(settings, unfinished_trials(store)),
        "environments": len(remove_old_environments(settings.cache_dir, settings.keep_environments_days)),
        "patterns": remove_old_patterns(store, timedelta(days=settings.keep_patterns_days)),
    }
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
    """Branches of these trials in DEAN's own mirrors; in a user's repository a branch is the user's to delete."""
    count = 0
    for mirror in sorted((cache_dir / "mirrors").glob("*.git")):
        for ref in run_git(["for-each-ref", "--format=%(refname)", BRANCHES], mirror).split():
            if ref.removeprefix(BRANCHES) in trials:
                run_git(["update-ref", "-d", ref], mirror)
                count += 1
    return count


def _remove_clones(settings: Settings, unfinished: Collection[str]) -> int:
    before = time.time() - settings.keep_clones_hours * 3600
    in_use = tuple(f"{SCRATCH_PREFIX}{trial.removeprefix('trial-')}-" for trial in unfinished)
    count = 0
    for clone in _clones(settings):
        if clone.stat().st_mtime < before and not clone.name.startswith(in_use):
            shutil.rmtree(clone, ignore_errors=True)
            count += not clone.exists()
    return count


def _clones(settings: Settings) -> Iterator[Path]:
    """Scratch directories of trials' stages: each stage removes its own, unless its process was killed."""
    parent = settings.scratch_dir or Path(tempfile.gettempdir())
    if parent.is_dir():
        yield from (path for path in sorted(parent.glob(f"{SCRATCH_PREFIX}*")) if path.is_dir())
