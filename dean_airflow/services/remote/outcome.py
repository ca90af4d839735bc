"""What a remote trial has come to, in the fields of every trial's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dean_airflow.services.contract.trials import OF_A_DEAN, Trial, TrialResult

_NOTHING: dict[str, Any] = {"evaluations": 0, "candidates_per_second": 0.0, "champion_edits": []}


def remote_result(
    trial_id: str, state: Trial, result: TrialResult | None, patterns: int, service: str
) -> dict[str, Any]:
    """The result's fields, `remote` beside them. Without a TrialResult the trial's own state has to do.

    Improved is what ended fitter than it began: fitness is measured against the baseline, which has 0.
    """
    metadata: Mapping[str, Any] = dict(result.metadata.model_extra or {}) if result else {}
    fitness = result.final_fitness if result else state.best_fitness
    gained = result.total_improvements if result else sum(state.improvements)
    improved = metadata.get("outcome", "improved" if fitness > 0 and gained > 0 else "no_improvement") == "improved"
    return {
        "trial_id": trial_id,
        "repository": state.repository,
        "status": "completed",
        "outcome": "improved" if improved else "no_improvement",
        "stop_reason": state.stop_reason or "unreported",
        "fitness": fitness if improved else 0.0,
        **{name: metadata.get(name, _NOTHING.get(name)) for name in OF_A_DEAN if name != "outcome"},
        "error": None,
        "remote": {
            "service": service,
            "trial_id": state.trial_id,
            "generations": state.current_generation,
            "patterns": patterns,
            "seconds": result.execution_time_seconds if result else None,
        },
    }


def failed_result(trial_id: str, repository: str, place: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a trial that did not complete; its status, reason and error are the mirror's to fill in."""
    return {
        "trial_id": trial_id,
        "repository": repository,
        "status": "failed",
        "outcome": None,
        "stop_reason": "error",
        "fitness": 0.0,
        **{name: _NOTHING.get(name) for name in OF_A_DEAN if name != "outcome"},
        "error": None,
        "remote": {"service": place.get("service"), "trial_id": place.get("trial_id")},
    }
