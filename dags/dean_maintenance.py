"""Removes daily what trials no longer need: old evaluations and reports, orphaned clones, branches of failed trials."""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.operators.maintenance import MaintenanceOperator

with DAG(
    dag_id="dean_maintenance",
    description="Retention of trials, orphaned clones, branches of failed trials, store vacuum",
    doc_md=__doc__,
    schedule="30 4 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["dean"],
    default_args={
        "pool": settings_from_airflow().pool,
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=60),
        "execution_timeout": timedelta(minutes=30),
    },
) as dean_maintenance:
    MaintenanceOperator(task_id="tidy")
