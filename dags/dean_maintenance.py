"""Removes daily what trials no longer need: old evaluations and reports, orphaned clones, branches of failed trials."""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.operators.maintenance import MaintenanceOperator
from dean_airflow.operators.task_defaults import task_defaults

with DAG(
    dag_id="dean_maintenance",
    description="Retention of trials, orphaned clones, branches of failed trials, store vacuum",
    doc_md=__doc__,
    schedule="30 4 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["dean"],
    default_args=task_defaults(timedelta(minutes=30)),
) as dean_maintenance:
    MaintenanceOperator(task_id="tidy")
