"""Runs a trial each night for every repository of the `[dean] repositories` setting."""

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from dean_airflow.operators.schedule import ScheduledTrialsOperator
from dean_airflow.operators.task_defaults import task_defaults

with DAG(
    dag_id="dean_scheduled_trials",
    description="A trial each night for every configured repository",
    doc_md=__doc__,
    schedule="0 2 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["dean"],
    default_args=task_defaults(timedelta(minutes=5)),
) as dean_scheduled_trials:
    trials = ScheduledTrialsOperator(task_id="plan_trials")
    TriggerDagRunOperator.partial(
        task_id="start_trial",
        trigger_dag_id="dean_evolution_trial",
        skip_when_already_exists=True,
        fail_when_dag_is_paused=True,
    ).expand_kwargs(trials.output)
