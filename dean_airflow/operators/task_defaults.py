"""What every task of the shipped DAGs has in common: its pool, its retries, its bound."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dean_airflow.airflow_settings import settings_from_airflow


def task_defaults(limit: timedelta | None = None, queue: str = "") -> dict[str, Any]:
    """A DAG's `default_args`: the pool of the settings, three attempts 1, 2, 4, … s apart (at most 60 s), and `limit`
    as the time a task may take; None where the tasks bound themselves. `queue`: empty for Airflow's own.

    Raises ConfigurationError.
    """
    defaults: dict[str, Any] = {
        "pool": settings_from_airflow().pool,
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=60),
    }
    if limit is not None:
        defaults["execution_timeout"] = limit
    if queue:
        defaults["queue"] = queue
    return defaults
