"""What a deployment works with inside a task. Imported in `execute` only, never to parse a DAG."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dean_airflow.config import Settings
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.store.store import Store

if TYPE_CHECKING:
    from airflow.sdk import Context


def means_in_task(settings: Settings, store: Store, context: Context, say: Callable[[str], object]) -> Means:
    """The shipped parts. A deployment that ended badly is taken up again when its run is cleared, not by a retry."""
    run = context["dag_run"]
    return Means(
        settings,
        store,
        say,
        execution=f"{run.dag_id}/{run.run_id}/{run.clear_number or 0}",
        dag_id=run.dag_id,
        run_id=run.run_id,
    )
