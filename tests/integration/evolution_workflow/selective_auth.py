"""An auth manager of a test's own: Airflow's development one, with a user who may see no DAG."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class SelectiveAuthManager(SimpleAuthManager):
    def is_authorized_dag(self, *, user: Any, **asked: Any) -> bool:
        return user.username != "outsider" and super().is_authorized_dag(user=user, **asked)
