"""`airflow dean evolution list`, `status`, `stop`, and how `start` reads its options."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.errors import ConfigurationError
from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "dean").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        store.trials.create("trial-one", {"repository": "/srv/one"})
        store.trials.create("trial-two", {"repository": "/srv/two"})
        store.trials.transition("trial-two", "failed", error="It broke.")
        yield store


def test_list_is_newest_first_and_filters(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow("dean", "evolution", "list", "--json") == 0
    every = json.loads(capsys.readouterr().out)
    assert airflow("dean", "evolution", "list", "--status", "failed") == 0
    failed = capsys.readouterr().out.splitlines()

    assert [trial["id"] for trial in every] == ["trial-two", "trial-one"]
    assert len(failed) == 1
    assert failed[0].split() == ["trial-two", "failed", "-", "0.000", "/srv/two"]


def test_status_of_a_failed_trial_has_its_error(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow("dean", "evolution", "status", "trial-two") == 0

    assert "It broke." in capsys.readouterr().out


def test_stop_cancels_a_trial_under_way_and_refuses_one_that_has_ended(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow("dean", "evolution", "stop", "trial-one") == 0
    assert airflow("dean", "evolution", "stop", "trial-two") == 1

    assert store.trials.get("trial-one").status == "cancelled"
    assert store.trials.get("trial-two").status == "failed"
    assert "has ended" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "stop"])
def test_an_unknown_trial_is_one_sentence_on_stderr(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert airflow("dean", "evolution", command, "trial-none") == 1

    printed = capsys.readouterr()
    assert "trial-none" in printed.err
    assert "Traceback" not in printed.err


def test_start_takes_every_param_of_a_trial() -> None:
    from dean_airflow.cli.evolution import trial_params_of

    options = argparse.Namespace(
        ref="main", generations=None, population=7, minutes=0.5, param=["islands=2", 'files=["a.py"]', "tests=-k fast"]
    )

    assert trial_params_of(options) == {
        "ref": "main",
        "population_size": 7,
        "max_runtime_minutes": 0.5,
        "islands": 2,
        "files": ["a.py"],
        "tests": "-k fast",
    }


def test_a_param_without_a_value_is_refused() -> None:
    from dean_airflow.cli.evolution import trial_params_of

    options = argparse.Namespace(ref=None, generations=None, population=None, minutes=None, param=["islands"])

    with pytest.raises(ConfigurationError, match="'islands' is not NAME=VALUE"):
        trial_params_of(options)


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt, 130), (ConfigurationError("No."), 1), (None, 0)])
def test_exit_codes(raised, code: int) -> None:
    from dean_airflow.cli.exits import command

    @command
    def work(args: object) -> int:
        if raised is not None:
            raise raised
        return 0

    with pytest.raises(SystemExit) as ended:
        work(None)
    assert ended.value.code == code
