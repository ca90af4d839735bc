"""Every shipped DAG, for a DAGs folder: a file there with `from dean_airflow.dags import *` has them all."""

from dean_airflow.shipped_dags.dean_alert_response import dean_alert_response
from dean_airflow.shipped_dags.dean_champion_validation import dean_champion_validation
from dean_airflow.shipped_dags.dean_deployment import dean_deployment
from dean_airflow.shipped_dags.dean_deployment_validation import dean_deployment_validation
from dean_airflow.shipped_dags.dean_evolution_trial import dean_evolution_trial
from dean_airflow.shipped_dags.dean_maintenance import dean_maintenance
from dean_airflow.shipped_dags.dean_metrics_collection import dean_metrics_collection
from dean_airflow.shipped_dags.dean_remote_trial import dean_remote_trial
from dean_airflow.shipped_dags.dean_scheduled_trials import dean_scheduled_trials
from dean_airflow.shipped_dags.dean_secret_rotation import dean_secret_rotation

__all__ = [
    "dean_alert_response",
    "dean_champion_validation",
    "dean_deployment",
    "dean_deployment_validation",
    "dean_evolution_trial",
    "dean_maintenance",
    "dean_metrics_collection",
    "dean_remote_trial",
    "dean_scheduled_trials",
    "dean_secret_rotation",
]
