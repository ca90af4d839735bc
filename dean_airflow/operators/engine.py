"""The engine a task works with, and the trial its run is about. Imported in `execute` only, never to parse a DAG."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import git_credentials, settings_in_process
from dean_airflow.evolution.engine import Engine, open_engine

if TYPE_CHECKING:
    from airflow.sdk import Context

DEFAULT_ISLANDS = 2
"""Islands under a scheduler, where mapped tasks run at the same time."""


def engine_in_task(context: Context, progress: Callable[[str], Any]) -> Engine:
    """The embedded engine on the settings, store and credentials of this Airflow. Raises DeanError."""
    run = context["dag_run"]
    return open_engine(
        settings_in_process(),
        progress,
        git_credentials(),
        # Not the task's try: a trial that was stopped goes on when someone clears its run, not because one of its
        # tasks had a retry left.
        execution=f"{run.dag_id}/{run.run_id}/{run.clear_number or 0}",
    )


def trial_id_in_task(given: str | None, engine: Engine, context: Context) -> str:
    """The id the operator or the run was given, else the one that belongs to this DAG run and store."""
    asked = given or context["params"].get("trial_id")
    if asked:
        return str(asked)
    run = context["dag_run"]
    return engine.store.trial_id_of_run(run.dag_id, run.run_id)


def default_islands() -> int:
    """One under `airflow dags test`, where islands would run one after another; else two."""
    return 1 if _tasks_run_in_this_process() else DEFAULT_ISLANDS


def _tasks_run_in_this_process() -> bool:
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    return isinstance(task_runner.SUPERVISOR_COMMS, InProcessSupervisorComms)
