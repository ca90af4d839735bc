"""The shipped DAGs import, are what they say, and stay cheap to parse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dean_airflow.dag_bundle import shipped_dags_folder

pytestmark = pytest.mark.airflow

CHAIN = [
    "preflight",
    "open_trial",
    "evolve_island",
    "confirm_champion",
    "validate_champion",
    "publish",
    "catalogue_patterns",
    "close_trial",
]


@pytest.fixture(scope="module")
def dag_bag(airflow_home: Path):
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(shipped_dags_folder()))


def test_every_dag_imports(dag_bag) -> None:
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dag_ids) == [
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


def test_one_import_line_in_a_dags_folder_has_the_same_dags(airflow_home: Path, tmp_path: Path, dag_bag) -> None:
    from airflow.dag_processing.dagbag import DagBag

    (tmp_path / "dean.py").write_text("from dean_airflow.dags import *\n")
    from_file = DagBag(dag_folder=str(tmp_path), safe_mode=True)

    assert from_file.import_errors == {}
    assert sorted(from_file.dag_ids) == sorted(dag_bag.dag_ids)


def test_the_trial_is_a_chain_that_close_trial_ends(dag_bag) -> None:
    dag = dag_bag.get_dag("dean_evolution_trial")

    assert [task.task_id for task in dag.topological_sort()] == CHAIN
    close = dag.get_task("close_trial")
    assert close.is_teardown
    assert close.on_failure_fail_dagrun
    assert dag.get_task("preflight").is_setup


def test_every_task_has_a_bound_and_retries(dag_bag) -> None:
    tasks = [task for dag_id in dag_bag.dag_ids for task in dag_bag.get_dag(dag_id).tasks]

    assert [task.task_id for task in tasks if task.execution_timeout is None] == []
    assert {task.retries for task in tasks} == {2}
    assert {task.retry_delay.total_seconds() for task in tasks} == {1}
    assert {task.retry_exponential_backoff for task in tasks} == {2}
    assert {task.max_retry_delay.total_seconds() for task in tasks} == {60}


def test_parsing_the_dags_imports_nothing_heavy(airflow_home: Path) -> None:
    heavy = ["dean_airflow.store", "dean_airflow.evolution.trial", "scipy", "numpy", "deap", "coverage"]
    code = f"import sys, dean_airflow.dags\nprint([name for name in {heavy} if name in sys.modules])\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
