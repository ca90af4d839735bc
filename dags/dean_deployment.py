"""Deploys a directory: validates it, keeps a backup, rolls out service by service in the order they need each other,
verifies, and takes everything back where something fails.

Its tasks run on the machine that is deployed to ([dean] deployment_queue). What is left is always one of two states:
the one before, or the one that was wanted; the report in the log of the last task says which. Its state is the run's.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, TriggerRule

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.operators.deploy import (
    BackUpOperator,
    CloseDeploymentOperator,
    DeployServiceOperator,
    OpenDeploymentOperator,
    RollbackOperator,
    VerifyReleaseOperator,
)
from dean_airflow.operators.deployment_params import directory_param, environment_param, probes_param
from dean_airflow.operators.task_defaults import task_defaults

SHORT = timedelta(minutes=5)
BEHIND_THE_SERVICES_OWN_LIMITS = timedelta(hours=1)

with DAG(
    dag_id="dean_deployment",
    description="Deploy a directory's services, or take everything back",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    dagrun_timeout=timedelta(hours=6),
    tags=["dean"],
    params={
        "deployment": directory_param(),
        "environment": environment_param(),
        "dry_run": Param(
            False,
            "Only say what would be done, in the log of the first task, and touch nothing.",
            type="boolean",
            title="Dry run",
        ),
        "strategy": Param(
            None,
            "recreate stops the old release first; blue_green starts the new one beside it and hands the traffic over. "
            "Empty: what dean-deployment.yaml says, else recreate.",
            type=["null", "string"],
            enum=[None, "recreate", "blue_green"],
            title="Strategy",
        ),
        "services": Param(
            [],
            "Roll out only these services, one a line; none given: all.",
            type=["null", "array"],
            items={"type": "string"},
            title="Services",
        ),
        "rollback_to": Param(
            None,
            "Go back instead: to the backup of this name, or to before the deployment of this id.",
            type=["null", "string"],
            title="Back to",
        ),
        "probes": probes_param("Whether this machine and the network are asked before anything is done."),
        "service_timeout": Param(
            300,
            "Seconds that a service has to become healthy, where the description does not say.",
            type="number",
            minimum=1,
            maximum=3000,
            title="Service timeout",
        ),
    },
    default_args=task_defaults(SHORT, settings_from_airflow().deployment_queue),
) as dean_deployment:
    preflight = OpenDeploymentOperator(task_id="preflight")
    backed_up = BackUpOperator(task_id="back_up")
    rolled_out = DeployServiceOperator.partial(
        task_id="roll_out",
        execution_timeout=BEHIND_THE_SERVICES_OWN_LIMITS,
        max_active_tis_per_dagrun=1,
        map_index_template="{{ service }}",
    ).expand(position=preflight.output)
    verified = VerifyReleaseOperator(task_id="verify", execution_timeout=BEHIND_THE_SERVICES_OWN_LIMITS)
    roll_back = RollbackOperator(
        task_id="roll_back", trigger_rule=TriggerRule.ONE_FAILED, execution_timeout=BEHIND_THE_SERVICES_OWN_LIMITS
    )
    report = CloseDeploymentOperator(task_id="report", execution_timeout=BEHIND_THE_SERVICES_OWN_LIMITS).as_teardown(
        setups=preflight, on_failure_fail_dagrun=True
    )

    preflight >> backed_up >> rolled_out >> verified
    [backed_up, rolled_out, verified] >> roll_back
    [verified, roll_back] >> report
