"""`airflow dean dags`, `init`, `config show`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.airflow


def lines_of(text: str) -> dict[str, tuple[str, str]]:
    """Check → (ok or FAILED, the rest)."""
    rows = [line.split(maxsplit=2) for line in text.splitlines() if line.split()[1:2] in (["ok"], ["FAILED"])]
    return {name: (state, rest) for name, state, rest in rows}


@pytest.fixture
def pool_of_dean(airflow_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from airflow.models.pool import Pool

    monkeypatch.setenv("AIRFLOW__DEAN__POOL", "dean-test-pool")
    yield "dean-test-pool"
    Pool.delete_pool("dean-test-pool")


def test_dags_prints_a_line_for_the_shell_that_keeps_the_other_bundles(
    airflow: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"name": "mine", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([mine]))

    assert airflow("dean", "dags") == 0

    words = shlex.split(capsys.readouterr().out, comments=True)
    name, _, value = words[-1].partition("=")
    assert words[:-1] == ["export"]
    assert name == "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    assert [entry["name"] for entry in json.loads(value)] == ["mine", "dean"]
    assert json.loads(value)[0] == mine


def test_init_does_and_checks_everything(airflow: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert airflow("dean", "init") == 0

    rows = lines_of(capsys.readouterr().out)
    assert list(rows) == ["git", "sandbox", "store", "artifacts", "pool", "dags"]
    assert {state for state, _ in rows.values()} == {"ok"}


def test_init_makes_the_pool_once(
    airflow: Callable[..., int], capsys: pytest.CaptureFixture[str], pool_of_dean: str
) -> None:
    from airflow.models.pool import Pool

    airflow("dean", "init")
    first = lines_of(capsys.readouterr().out)["pool"]
    airflow("dean", "init")
    second = lines_of(capsys.readouterr().out)["pool"]

    assert (first[1], second[1]) == ("dean-test-pool made, with 4 slots", "dean-test-pool is there")
    assert Pool.get_pool(pool_of_dean).slots == 4


def test_init_goes_on_after_what_fails_and_says_so(
    airflow: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AIRFLOW__DEAN__STORE", "mysql://host/name")
    monkeypatch.setenv("AIRFLOW__DEAN__ARTIFACTS", str(tmp_path / "file" / "below"))

    assert airflow("dean", "init") == 1

    rows = lines_of(capsys.readouterr().out)
    assert {name for name, (state, _) in rows.items() if state == "FAILED"} == {"store", "artifacts"}


def test_settings_that_are_not_usable_are_one_sentence_on_stderr(
    airflow: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DEAN__TRIAL_MEMORY_MB", "-1")

    assert airflow("dean", "init") == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "AIRFLOW__DEAN__TRIAL_MEMORY_MB" in printed.err
    assert "Traceback" not in printed.err


def test_config_show_masks_secrets(
    airflow: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DEAN__STORE", "postgresql://dean:hunter2@db/dean")

    assert airflow("dean", "config", "show", "--json") == 0

    printed = capsys.readouterr().out
    assert json.loads(printed)["store"] == "postgresql://dean:***@db/dean"
    assert "hunter2" not in printed
