"""Collects the metrics of every configured service each minute, keeps and rolls them up, and asks the alert rules.

Someone is told only when an alert has changed. A dead service is a failed sample and an alert, never a failed run.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.operators.alerts import NotifyAlertsOperator
from dean_airflow.operators.metrics import CollectMetricsOperator
from dean_airflow.operators.task_defaults import task_defaults

with DAG(
    dag_id="dean_metrics_collection",
    description="Metrics, rollups and alerts, every minute",
    doc_md=__doc__,
    schedule="* * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    tags=["dean"],
    default_args=task_defaults(timedelta(seconds=300)),
) as dean_metrics_collection:
    CollectMetricsOperator(task_id="collect") >> NotifyAlertsOperator(task_id="notify")
