"""An example of doing something about alerts: every change of an alert starts a run that has what changed.

Copy it, and let `respond` do what is right with you. Paused until you unpause it, like every new DAG.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from dean_airflow.assets import ALERT
from dean_airflow.operators.alerts import AlertsOfRunOperator
from dean_airflow.operators.task_defaults import task_defaults
from dean_airflow.triggers.metrics import MetricsTrigger

with DAG(
    dag_id="dean_alert_response",
    description="An example of what an alert can start",
    doc_md=__doc__,
    # Watched, the asset also has events between two runs of dean_metrics_collection, and without that DAG.
    schedule=[Asset(ALERT.name, watchers=[AssetWatcher(name="dean_metrics", trigger=MetricsTrigger())])],
    catchup=False,
    dagrun_timeout=timedelta(hours=1),
    tags=["dean"],
    default_args=task_defaults(timedelta(minutes=5)),
) as dean_alert_response:
    alerts = AlertsOfRunOperator(task_id="alerts")

    @task
    def respond(alert: dict[str, Any]) -> str:
        """One alert; here is the place to restart a service or to open a ticket."""
        return f"{alert['state']} {alert['severity']} {alert['alert']}: {alert['message']}"

    respond.expand(alert=alerts.output)
