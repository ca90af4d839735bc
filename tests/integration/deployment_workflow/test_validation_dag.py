"""`dean_deployment_validation` and `airflow dean deployment validate`, as users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.store.store import Store

from ...deployments.build import build, files_of, write
from ...deployments.defect import edit
from .conftest import Done

pytestmark = pytest.mark.airflow


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A deployment with two errors and a warning."""
    files = dict(files_of("dean_stack"))
    for change in (
        edit("compose.yaml", "INDEXAGENT_URL: http://indexagent:8081", "INDEXAGENT_URL: http://indexagnt:8081"),
        edit(".env", "METRICS_ENABLED=true", "METRICS_ENABLED=ture"),
        edit("compose.yaml", "redis:7.2-alpine", "redis"),
    ):
        change(files)
    return write(tmp_path / "broken", files)


def test_the_example_passes(airflow: Callable[..., Done]) -> None:
    done = airflow("dags", "test", "dean_deployment_validation", "-c", '{"deployment": "examples/deployment"}')

    assert done.code == 0, done.log
    assert "Valid: 0 errors, 0 warnings" in done.log
    with Store.open(settings_from_airflow().store) as store:
        kept = store.validations.list()[0]
    assert (kept.directory, kept.valid) == (str(Path("examples/deployment").resolve()), True)


def test_a_broken_deployment_fails_the_run_with_every_finding(airflow: Callable[..., Done], broken: Path) -> None:
    conf = json.dumps({"deployment": str(broken), "probes": False})
    done = airflow("dags", "test", "dean_deployment_validation", "-c", conf)

    assert done.code == 1
    findings = DeploymentValidator(broken, with_probes=False, shell={}).validate().findings
    assert [finding.id for finding in findings] == ["M21", "M31", "M50"]
    for finding in findings:
        assert f"{finding.id}  {finding.place}  {finding.what}" in done.log


def test_a_missing_directory_is_one_sentence(airflow: Callable[..., Done], tmp_path: Path) -> None:
    conf = json.dumps({"deployment": str(tmp_path / "nowhere")})
    done = airflow("dags", "test", "dean_deployment_validation", "-c", conf)

    assert done.code == 1
    assert "There is no deployment directory" in done.log


def test_the_command_answers_json_junit_and_an_exit_code(
    airflow: Callable[..., Done], broken: Path, tmp_path: Path
) -> None:
    junit = tmp_path / "report.xml"
    done = airflow("dean", "deployment", "validate", str(broken), "--json", "--no-probes", "--junit", str(junit))

    result = json.loads(done.out)
    assert done.code == 1
    assert [(f["id"], f["file"]) for f in result["findings"]] == [
        ("M21", ".env"),
        ("M31", "compose.yaml"),
        ("M50", "compose.yaml"),
    ]
    assert int(ElementTree.parse(junit).getroot().attrib["failures"]) == 2


def test_the_command_for_a_directory_that_is_none(airflow: Callable[..., Done], tmp_path: Path) -> None:
    done = airflow("dean", "deployment", "validate", str(tmp_path / "nowhere"))

    assert (done.code, done.out) == (1, "")
    assert done.log == f"There is no deployment directory {tmp_path / 'nowhere'}; name an existing one.\n"


@pytest.mark.slow
def test_the_command_without_a_migrated_airflow(tmp_path: Path) -> None:
    valid = build(tmp_path / "valid", "minimal")
    words = [sys.executable, "-m", "airflow", "dean", "deployment", "validate", str(valid), "--no-probes"]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "AIRFLOW_HOME": str(tmp_path / "new")}, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid: 0 errors, 0 warnings" in done.stdout
