"""Valid deployments give no false alarm: neither an error nor a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...deployments.build import build, names
from .conftest import Validate

ROOT = Path(__file__).resolve().parents[3]
WITH_DAGS = ("airflow_celery", "airflow_standalone_build", "celery")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in WITH_DAGS else n for n in names()])
def test_nothing_is_found(validate: Validate, tmp_path: Path, name: str) -> None:
    result = validate(build(tmp_path / name, name), dags=True)

    assert [f"{finding.id} {finding.place} {finding.what}" for finding in result.findings] == []
    assert [each for each in result.not_checked if "probes" not in each.message] == []
    assert result.valid


def test_there_are_enough_of_them() -> None:
    assert len(names()) >= 20


def test_the_example(validate: Validate) -> None:
    assert validate(ROOT / "examples" / "deployment").findings == ()
