"""Collects the metrics of every configured service each minute, keeps and rolls them up, and asks the alert rules.

Someone is told only when an alert has changed. A dead service is a failed sample and an alert, never a failed run.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.operators.alerts import NotifyAlertsOperator
from dean_airflow.operators.metrics import CollectMetricsOperator

with DAG(
    dag_id="dean_metrics_collection",
    description="Metrics, rollups and alerts, every minute",
    doc_md=__doc__,
    schedule="* * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    tags=["dean"],
    default_args={
        "pool": settings_from_airflow().pool,
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=60),
        "execution_timeout": timedelta(seconds=300),
    },
) as dean_metrics_collection:
    CollectMetricsOperator(task_id="collect") >> NotifyAlertsOperator(task_id="notify")
