"""Improves a git repository's code by evolution and hands over a branch whose improvement is proven.

Islands are mapped tasks; whatever happens, `close_trial` ends the trial in the store and makes the run's state true.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dean_airflow.operators.task_defaults import task_defaults
from dean_airflow.operators.trial import (
    CataloguePatternsOperator,
    CloseTrialOperator,
    ConfirmChampionOperator,
    EvolveIslandOperator,
    OpenTrialOperator,
    PreflightOperator,
    PublishOperator,
    ValidateChampionOperator,
)
from dean_airflow.operators.trial_params import trial_params

SHORT = timedelta(minutes=5)
INSTALL_AND_BASELINE = timedelta(hours=1)
BEHIND_THE_TRIALS_OWN_LIMIT = timedelta(hours=3)

with DAG(
    dag_id="dean_evolution_trial",
    description="Improve a git repository's code by evolution and prove that the result is better",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    params=trial_params(),
    dagrun_timeout=timedelta(hours=6),
    tags=["dean"],
    default_args=task_defaults(),
) as dean_evolution_trial:
    preflight = PreflightOperator(task_id="preflight", execution_timeout=SHORT)
    opened = OpenTrialOperator(task_id="open_trial", execution_timeout=INSTALL_AND_BASELINE)
    islands = EvolveIslandOperator.partial(
        task_id="evolve_island", execution_timeout=BEHIND_THE_TRIALS_OWN_LIMIT
    ).expand(island=opened.output)
    confirm = ConfirmChampionOperator(task_id="confirm_champion", execution_timeout=BEHIND_THE_TRIALS_OWN_LIMIT)
    validate = ValidateChampionOperator(task_id="validate_champion", execution_timeout=BEHIND_THE_TRIALS_OWN_LIMIT)
    publish = PublishOperator(task_id="publish", execution_timeout=SHORT)
    catalogue = CataloguePatternsOperator(task_id="catalogue_patterns", execution_timeout=SHORT)
    close = CloseTrialOperator(task_id="close_trial", execution_timeout=SHORT).as_teardown(
        setups=preflight, on_failure_fail_dagrun=True
    )

    preflight >> opened >> islands >> confirm >> validate >> publish >> catalogue >> close
