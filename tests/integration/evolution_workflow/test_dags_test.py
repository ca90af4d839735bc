"""`airflow dags test dean_evolution_trial`, start to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from repositories import example_repository, git, slow_repository

from dean_airflow.config import Settings
from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow

QUICK = {"max_runtime_minutes": 2, "max_evaluations": 12, "generations": 1, "population_size": 5, "seed": 1}


@dataclass(frozen=True)
class Run:
    """A DAG run after its end."""

    exit_code: int
    run_id: str | None
    states: dict[str, str]
    islands: int
    result: dict[str, Any] | None
    data: Path

    @property
    def scratch(self) -> list[Path]:
        """Workspaces that were left behind."""
        return [path for path in (self.data / "scratch").iterdir() if path.is_dir()]


@pytest.fixture
def dags_test(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs the trial DAG in this process with these params, on a store and a scratch directory of the test's own."""
    data = tmp_path / "dean"
    (data / "scratch").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(data))
    monkeypatch.setenv("AIRFLOW__DEAN__SCRATCH_DIR", str(data / "scratch"))
    monkeypatch.setenv("AIRFLOW__DEAN__CACHE_DIR", str(airflow_home / "cache"))

    def run(**params: Any) -> Run:
        from airflow.cli.cli_parser import get_parser

        before = _run_ids()
        words = ["dags", "test", "dean_evolution_trial", "--conf", json.dumps(params)]
        arguments = get_parser().parse_args(words)
        code = 0
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        run_id = next(iter(_run_ids() - before), None)
        tasks = _tasks(run_id)
        islands = [state for task_id, state in tasks if task_id == "evolve_island"]
        return Run(code, run_id, dict(tasks), len(islands), _result(run_id), data)

    return run


def _run_ids() -> set[str]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return {run.run_id for run in session.query(DagRun).filter(DagRun.dag_id == "dean_evolution_trial")}


def _tasks(run_id: str | None) -> list[tuple[str, str]]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        return [(task.task_id, task.state) for task in session.query(TaskInstance).filter_by(run_id=run_id)]


def _result(run_id: str | None) -> dict[str, Any] | None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        row = session.query(XComModel).filter_by(run_id=run_id, task_id="close_trial", key="return_value").one_or_none()
        return None if row is None else XComModel.deserialize_value(row)


def _events(asset: str, trial_id: str) -> int:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.query(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        return sum(event.extra.get("trial_id") == trial_id for event in events.filter(AssetModel.name == asset))


def test_a_trial_improves_its_target_and_touches_nothing_of_the_users(
    dags_test: Callable[..., Run], tmp_path: Path
) -> None:
    repository = slow_repository(tmp_path)
    head = git(repository, "rev-parse", "HEAD")

    run = dags_test(repository=str(repository), **QUICK)

    assert run.exit_code == 0
    assert set(run.states.values()) == {"success"}
    assert run.islands == 1
    result = run.result
    assert (result["status"], result["outcome"]) == ("completed", "improved")
    low, high = result["speedup_interval"]
    assert 1.02 <= low <= result["speedup"] <= high
    assert result["fitness"] == pytest.approx(1 - 1 / result["speedup"], abs=0.02)
    assert 0 < result["evaluations"] <= QUICK["max_evaluations"]
    assert result["branch"] == f"dean/{result['trial_id']}"
    commits = git(repository, "rev-list", f"{head}..{result['branch']}").splitlines()
    assert len(commits) == len(result["champion_edits"])
    assert (git(repository, "rev-parse", "HEAD"), git(repository, "status", "--porcelain")) == (head, "")
    assert Path(result["patch"]).read_text().startswith("From ")
    report = Path(result["report"])
    written = json.loads((report.parent / "report.json").read_text())
    assert {name: written[name] for name in result if name in written} == {
        name: value for name, value in result.items() if name in written
    }
    assert "<script" not in report.read_text()
    assert run.scratch == []
    assert (_events("dean_trial_finished", result["trial_id"]), _events("dean_champion", result["trial_id"])) == (1, 1)


def test_a_trial_that_finds_nothing_says_so_and_succeeds(dags_test: Callable[..., Run], tmp_path: Path) -> None:
    repository = example_repository("already_fast", tmp_path)

    run = dags_test(repository=str(repository), **QUICK)

    assert run.exit_code == 0
    assert set(run.states.values()) == {"success"}
    result = run.result
    assert (result["status"], result["outcome"], result["branch"]) == ("completed", "no_improvement", None)
    assert git(repository, "branch", "--list", "dean/*") == ""
    assert Path(result["report"]).exists()
    assert (_events("dean_trial_finished", result["trial_id"]), _events("dean_champion", result["trial_id"])) == (1, 0)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"repository": "{tmp}/nowhere"}, "nowhere"),
        ({"repository": "{tmp}/shop_report", "ref": "no-such-branch"}, "no-such-branch"),
        ({"repository": "{tmp}/shop_report", "subfolder": "../.."}, "subfolder"),
        ({"repository": "{tmp}/shop_report", "objectives": {"runtime": 0.5}}, "sum to 1"),
        ({"repository": "{tmp}/shop_report", "edit_sources": ["wishes"]}, "wishes"),
    ],
)
def test_what_cannot_work_fails_before_anything_is_built(
    dags_test: Callable[..., Run], tmp_path: Path, params: dict[str, Any], sentence: str, caplog, capfd
) -> None:
    example_repository("shop_report", tmp_path)
    params = {**params, "repository": params["repository"].format(tmp=tmp_path)}

    run = dags_test(**params)

    assert run.exit_code == 1
    assert run.states["preflight"] == "failed"
    assert {state for task, state in run.states.items() if task != "preflight"} <= {"upstream_failed", "skipped", None}
    printed = "".join(capfd.readouterr()) + caplog.text
    assert sentence in printed
    assert run.scratch == []


@pytest.mark.parametrize("params", [{"generations": 0}, {"sandbox": "none"}, {"population_size": "many"}, {}])
def test_a_param_out_of_range_is_refused_before_any_task(dags_test: Callable[..., Run], params: dict[str, Any]) -> None:
    given = {"repository": "/srv/a", **params} if params else {}

    with pytest.raises(Exception, match=next(iter(params), "repository")):
        assert dags_test(**given).exit_code == 0


def test_a_target_whose_tests_fail_ends_failed_with_their_names(dags_test: Callable[..., Run], tmp_path: Path) -> None:
    repository = example_repository("already_fast", tmp_path)
    (repository / "tests" / "test_wrong.py").write_text("def test_that_two_and_two_is_five():\n    assert 2 + 2 == 5\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "A failing test")

    run = dags_test(repository=str(repository), **QUICK)

    assert run.exit_code == 1
    assert (run.states["open_trial"], run.states["close_trial"]) == ("failed", "failed")
    with Store.open(Settings(data_dir=run.data).store) as store:
        trial = store.trials.list()[0]
    assert (trial.status, trial.stop_reason) == ("failed", "error")
    assert "test_that_two_and_two_is_five" in trial.error
    assert run.scratch == []
