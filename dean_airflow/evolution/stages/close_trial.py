"""Ends a trial, whatever happened: its status, its result, and nothing left on disk."""

from __future__ import annotations

import time
from typing import Any

from dean_airflow.errors import DeanError, IllegalTransition, TrialNotFound
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.stages.report import report
from dean_airflow.evolution.target.workspaces import remove_named
from dean_airflow.evolution.workplace import workspace_name
from dean_airflow.metrics.trials import trial_ended
from dean_airflow.store.trials import Trial

LEASE_PATIENCE = 60.0
"""Seconds to wait for islands that are being killed; their leases run out by themselves before that."""
LOOK_AGAIN = 0.25


def close_trial(trial_id: str, engine: Engine, *, succeeded: bool) -> dict[str, Any]:
    """The trial's final result, which is kept with it; see the reference for its fields.

    With `succeeded` false a trial that is not final is marked cancelled first, which refuses what a dying island
    would still write; then its islands are waited for. Raises StoreError.
    """
    try:
        trial = engine.store.trials.get(trial_id)
    except TrialNotFound:
        return _never_opened(trial_id)
    if not trial.is_final:
        if succeeded:
            trial = _complete(trial, engine)
        else:
            trial = engine.store.trials.transition(trial_id, "cancelled", stop_reason="cancelled")
            _wait_for_islands(trial_id, engine)
    remove_named(engine.settings.scratch_dir, workspace_name(trial_id))
    result = final_result(trial, engine)
    try:
        result["report"] = str(engine.artifacts(trial_id) / "report.html")
        report(trial, result, engine)
    except (DeanError, OSError) as error:
        result["report"] = None
        engine.progress(f"The report could not be written: {error}")
    engine.store.trials.update(trial_id, result=result)
    kind = "trial_completed" if trial.status == "completed" else f"trial_{trial.status}"
    engine.store.events.append(trial_id, kind, {"outcome": trial.outcome}, key=f"{kind}-{trial.attempt}")
    if trial.completed_at is not None:
        took = (trial.completed_at - (trial.started_at or trial.created_at)).total_seconds()
        confirmed = trial.outcome == "improved"
        trial_ended(engine.store, trial_id, confirmed=confirmed, seconds=took, say=engine.progress)
    return result


def fail_trial(trial_id: str, engine: Engine, message: str) -> None:
    """Marks a trial failed for `message`; one that is final, or was never opened, stays as it is."""
    try:
        engine.store.trials.transition(trial_id, "failed", stop_reason="error", error=message)
    except (IllegalTransition, TrialNotFound):
        return


def _complete(trial: Trial, engine: Engine) -> Trial:
    validated = engine.store.documents.get(trial.id, "validated") or {}
    outcome = "improved" if validated.get("improved") else "no_improvement"
    return engine.store.trials.transition(
        trial.id, "completed", outcome=outcome, stop_reason=_stop_reason(trial.id, engine)
    )


def _stop_reason(trial_id: str, engine: Engine) -> str:
    """What ended the search: the goal if any island reached it, else what ended most of them."""
    opened = engine.store.documents.get(trial_id, "opened")
    reasons = [
        (engine.store.documents.get(trial_id, f"island-{number}") or {}).get("stop_reason", "cancelled")
        for number in range(opened["islands"])
    ]
    return "fitness" if "fitness" in reasons else max(reasons, key=reasons.count)


def _wait_for_islands(trial_id: str, engine: Engine) -> None:
    deadline = time.monotonic() + LEASE_PATIENCE
    while engine.store.leases.active(trial_id) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN)


def final_result(trial: Trial, engine: Engine) -> dict[str, Any]:
    """The fields that the DAG's final result and report.json share."""
    published = engine.store.documents.get(trial.id, "published") or {}
    validated = engine.store.documents.get(trial.id, "validated") or {}
    evaluations = engine.store.evaluations.count(trial.id)
    opened = engine.store.documents.get(trial.id, "opened") or {"islands": 0}
    seconds = sum(engine.store.evaluations.seconds(trial.id, number) for number in range(opened["islands"]))
    improved = trial.outcome == "improved"
    return {
        "trial_id": trial.id,
        "repository": trial.repository,
        "status": trial.status,
        "outcome": trial.outcome,
        "stop_reason": trial.stop_reason,
        "speedup": published.get("speedup") if improved else None,
        "speedup_interval": published.get("speedup_interval") if improved else None,
        "fitness": published.get("fitness", 0.0) if improved else 0.0,
        "evaluations": evaluations,
        "candidates_per_second": round(evaluations / seconds, 2) if seconds else 0.0,
        "branch": published.get("branch") if improved else None,
        "patch": published.get("patch") if improved else None,
        "bundle": published.get("bundle") if improved else None,
        "branch_in": published.get("repository") if improved else None,
        "report": None,
        "champion_edits": validated.get("genome", []) if improved else [],
        "error": trial.error,
    }


def _never_opened(trial_id: str) -> dict[str, Any]:
    """The trial ended before there was anything to keep."""
    nothing = dict.fromkeys(
        (
            "outcome",
            "speedup",
            "speedup_interval",
            "branch",
            "branch_in",
            "patch",
            "bundle",
            "report",
            "repository",
            "error",
        )
    )
    return {
        "trial_id": trial_id,
        "status": "failed",
        **nothing,
        "stop_reason": "error",
        "fitness": 0.0,
        "evaluations": 0,
        "candidates_per_second": 0.0,
        "champion_edits": [],
    }
