"""Looks daily for what is wrong with a deployment: a name that differs, a certificate that ends, a port used twice.

The report, each finding with its file and line and how it is mended, is in the log of the one task. Errors fail the
run, warnings do not.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.operators.deployment import DeploymentValidationOperator
from dean_airflow.operators.deployment_params import directory_param, environment_param, probes_param
from dean_airflow.operators.task_defaults import task_defaults

with DAG(
    dag_id="dean_deployment_validation",
    description="Check a deployment's files, and the machine it is deployed to",
    doc_md=__doc__,
    schedule="0 6 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    tags=["dean"],
    params={
        "deployment": directory_param(),
        "environment": environment_param(),
        "probes": probes_param(
            "Whether this machine and the network are asked as well: Docker, ports, disk, hosts, logins."
        ),
    },
    default_args=task_defaults(timedelta(minutes=5)),
) as dean_deployment_validation:
    DeploymentValidationOperator(task_id="validate")
