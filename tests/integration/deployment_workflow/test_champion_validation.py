"""A champion's branch is validated: by its asset event, by hand, and not at all unless the setting is on."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

VALID = "environment: local\nbackend: process\n"
BRANCH = "dean/trial-0123456789ab"


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """A repository whose branch of a champion has these files, and whose other branch has none of them."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path / "repository"
        root.mkdir()

        def git(*words: str) -> None:
            identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
            subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)

        git("init", "-b", "main")
        (root / "README").write_text("nothing here\n")
        git("add", ".")
        git("commit", "-m", "first")
        git("checkout", "-b", BRANCH)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        git("add", ".")
        git("commit", "--allow-empty", "-m", "improved")
        git("checkout", "main")
        return root

    return make


def by_event(root: Path, **options: Any) -> Any:
    """What the operator makes of an event as a closing trial announces it."""
    from dean_airflow.assets import CHAMPION
    from dean_airflow.operators.champion import ChampionValidationOperator

    extra = {"trial_id": "trial-0123456789ab", "branch": BRANCH, "branch_in": str(root), "speedup": 1.2}
    given = {"repository": "", "branch": "", "folder": "", "environment": "", **options}
    operator = ChampionValidationOperator(task_id="validate", **given)
    return operator.execute({"triggering_asset_events": {CHAMPION: [SimpleNamespace(extra=extra)]}})  # type: ignore[typeddict-item]


def test_an_event_of_a_champion_validates_its_branch(airflow_home: Path, repository: Callable[..., Path]) -> None:
    root = repository({"deploy/dean-deployment.yaml": VALID})

    (summary,) = by_event(root, folder="deploy")

    assert (summary["branch"], summary["valid"]) == (BRANCH, True)
    assert not (root / "deploy").exists()  # nothing of the repository was changed


def test_an_error_on_the_branch_fails_the_task(airflow_home: Path, repository: Callable[..., Path]) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    root = repository({"dean-deployment.yaml": f"{VALID}canary: {{samples: 3}}\n"})

    with pytest.raises(AirflowFailException, match=BRANCH):
        by_event(root)


def test_a_branch_without_a_deployment_is_skipped(airflow_home: Path, repository: Callable[..., Path]) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="holds a deployment"):
        by_event(repository({}))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"folder": "../elsewhere"}, "is no folder inside the repository"),
        ({"folder": "none"}, "has no folder none"),
        ({"repository": "/nowhere", "branch": "main"}, "is no repository on this machine"),
        ({"repository": "@", "branch": "--output=/tmp/x"}, "is no branch"),
        ({"repository": "@", "branch": "none"}, "cannot be read"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    airflow_home: Path, repository: Callable[..., Path], options: dict[str, str], sentence: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    root = repository({"dean-deployment.yaml": VALID})
    given = {name: str(root) if value == "@" else value for name, value in options.items()}

    with pytest.raises(AirflowFailException, match=sentence):
        by_event(root, **given)


@pytest.mark.parametrize(("setting", "scheduled"), [("", False), ("true", True)])
def test_a_champion_starts_it_only_where_that_is_set(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, setting: str, scheduled: bool
) -> None:
    from dean_airflow.shipped_dags import dean_champion_validation as module

    from dean_airflow.assets import CHAMPION

    monkeypatch.setenv("AIRFLOW__DEAN__VALIDATE_CHAMPIONS", setting)
    try:
        dag = importlib.reload(module).dean_champion_validation
        assert dag.schedule == ([CHAMPION] if scheduled else None)
    finally:
        monkeypatch.undo()
        importlib.reload(module)


def test_the_dag_by_hand(
    airflow_home: Path, repository: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from airflow.cli.cli_parser import get_parser

    root = repository({"dean-deployment.yaml": VALID})
    conf = json.dumps({"repository": str(root), "branch": BRANCH})
    arguments = get_parser().parse_args(["dags", "test", "dean_champion_validation", "-c", conf])

    arguments.func(arguments)

    printed = capfd.readouterr()
    assert f"{BRANCH} of {root}:" in printed.out + printed.err
    assert "Valid: 0 errors" in printed.out + printed.err
