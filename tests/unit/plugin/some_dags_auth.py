"""An auth manager of a test's own: Airflow's development one, with users who may see some DAGs only."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

ONLY = {
    "outsider": (),
    "nightly": ("dean_scheduled_trials",),
    "watcher": ("dean_metrics_collection",),
    "trials-only": ("dean_evolution_trial",),
    "deployments-only": ("dean_deployment",),
}
"""User → the DAGs that they may see; everyone else sees all."""


class SomeDagsAuthManager(SimpleAuthManager):
    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        hidden = user.username in ONLY and (details is None or details.id not in ONLY[user.username])
        return not hidden and super().is_authorized_dag(user=user, details=details, **asked)
