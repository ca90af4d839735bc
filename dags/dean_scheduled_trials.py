"""Runs a trial each night for every repository of the `[dean] repositories` setting."""

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.operators.schedule import ScheduledTrialsOperator

with DAG(
    dag_id="dean_scheduled_trials",
    description="A trial each night for every configured repository",
    doc_md=__doc__,
    schedule="0 2 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["dean"],
    default_args={
        "pool": settings_from_airflow().pool,
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=60),
        "execution_timeout": timedelta(minutes=5),
    },
) as dean_scheduled_trials:
    trials = ScheduledTrialsOperator(task_id="plan_trials")
    TriggerDagRunOperator.partial(
        task_id="start_trial",
        trigger_dag_id="dean_evolution_trial",
        skip_when_already_exists=True,
        fail_when_dag_is_paused=True,
    ).expand_kwargs(trials.output)
