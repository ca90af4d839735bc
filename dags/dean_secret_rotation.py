"""Rotates a secret of a deployment: a new one is made and accepted beside the old one, readers are rolled to it, it is
proven, and when the overlap is over the old one is retired and proven dead.

The waiting takes no worker's slot. A failure at any step, and stopping the run, restores the old value. The secret is
one that `secrets` of `dean-deployment.yaml` names; without one in the settings the monthly run has nothing to do.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.operators.deployment_params import directory_param, environment_param
from dean_airflow.operators.rotation import CloseRotationOperator, RotateSecretOperator
from dean_airflow.operators.task_defaults import task_defaults

QUEUE = settings_from_airflow().deployment_queue

with DAG(
    dag_id="dean_secret_rotation",
    description="Rotate a secret of a deployment without a failed request",
    doc_md=__doc__,
    schedule="0 3 1 * *" if settings_from_airflow().rotated_secret else None,
    catchup=False,
    max_active_runs=1,
    tags=["dean"],
    params={
        "deployment": directory_param("dean-deployment.yaml"),
        "secret": Param(
            settings_from_airflow().rotated_secret,
            "Its name in `secrets` of dean-deployment.yaml.",
            type="string",
            title="Secret",
        ),
        "environment": environment_param(),
        "overlap_hours": Param(
            None,
            "For how long the old value is accepted beside the new one. Empty: what the secret says, else 24.",
            type=["null", "number"],
            minimum=0,
            maximum=720,
            title="Overlap",
        ),
    },
    default_args=task_defaults(timedelta(hours=1), QUEUE),
) as dean_secret_rotation:
    rotate = RotateSecretOperator(task_id="rotate")
    close = CloseRotationOperator(task_id="close").as_teardown(on_failure_fail_dagrun=True)

    rotate >> close
