"""Runs the trial of `dean_evolution_trial` on another DEAN: the one behind the `dean_evolution` connection.

While it runs there no worker slot is held here. Whatever happens, `close_trial` cancels what is still running there and
makes the run's state true.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.operators.remote_trial import CloseRemoteTrialOperator, RemoteTrialOperator
from dean_airflow.operators.service_data import RemotePatternsOperator
from dean_airflow.operators.task_defaults import task_defaults
from dean_airflow.operators.trial_params import remote_trial_params
from dean_airflow.sensors.service_health import ServiceHealthSensor

SHORT = timedelta(minutes=5)
BEHIND_THE_TRIALS_OWN_LIMIT = timedelta(hours=5)

with DAG(
    dag_id="dean_remote_trial",
    description="Improve a git repository's code by evolution, on an external Evolution service",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    params=remote_trial_params(),
    dagrun_timeout=timedelta(hours=6),
    tags=["dean"],
    default_args=task_defaults(),
) as dean_remote_trial:
    healthy = ServiceHealthSensor(task_id="check_services", timeout=120, execution_timeout=SHORT)
    trial = RemoteTrialOperator(task_id="remote_trial", execution_timeout=BEHIND_THE_TRIALS_OWN_LIMIT)
    patterns = RemotePatternsOperator(
        task_id="collect_patterns",
        evolution_trial_id="{{ ti.xcom_pull('remote_trial')['remote']['trial_id'] }}",
        execution_timeout=SHORT,
    )
    close = CloseRemoteTrialOperator(task_id="close_trial", execution_timeout=SHORT).as_teardown(
        setups=healthy, on_failure_fail_dagrun=True
    )

    healthy >> trial >> patterns >> close
