"""Validates the deployment on the branch of a champion: whether what DEAN improved may be deployed.

Off unless the setting `validate_champions` is on: then every champion starts a run. Without it, trigger the DAG with a
repository and a branch. Files only; nothing is deployed. A run without a deployment to look at is skipped.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.assets import CHAMPION
from dean_airflow.operators.champion import ChampionValidationOperator
from dean_airflow.operators.deployment_params import environment_param
from dean_airflow.operators.task_defaults import task_defaults

with DAG(
    dag_id="dean_champion_validation",
    description="Check the deployment on a champion's branch",
    doc_md=__doc__,
    schedule=[CHAMPION] if settings_from_airflow().validate_champions else None,
    catchup=False,
    dagrun_timeout=timedelta(minutes=30),
    tags=["dean"],
    params={
        "repository": Param(
            None,
            "Repository on the worker. Empty: where the champions that started the run are.",
            type=["null", "string"],
            title="Repository",
        ),
        "branch": Param(None, "Its branch. Empty: that of the champions.", type=["null", "string"], title="Branch"),
        "folder": Param(
            None, "Folder of the deployment in the repository. Empty: its top.", type=["null", "string"], title="Folder"
        ),
        "environment": environment_param(),
    },
    default_args=task_defaults(timedelta(minutes=5)),
) as dean_champion_validation:
    ChampionValidationOperator(task_id="validate")
