"""Validating a directory with what most tests want: files alone, nothing of the caller's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.deployment.checks.registry import shipped_checks
from dean_airflow.deployment.result import ValidationResult
from dean_airflow.deployment.validator import DeploymentValidator

from ...deployments.build import File, write

Validate = Callable[..., ValidationResult]
COMPLETE = """\
    restart: always
    mem_limit: 64m
    logging: {driver: local}
    healthcheck: {test: [CMD, /probe], start_period: 1s}
"""
"""What every service of a compose file needs so that nothing is said about it."""


@pytest.fixture
def validate() -> Validate:
    """`validate(root)`: the files alone, without importing DAGs unless `dags=True`."""

    def run(root: Path, *, dags: bool = False, **options: object) -> ValidationResult:
        checks = [check for check in shipped_checks() if dags or check.name != "dag_imports"]
        validator = DeploymentValidator(root, with_probes=False, checks=checks, shell={}, **options)  # type: ignore[arg-type]
        return validator.validate()

    return run


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[..., Path]:
    """`deployment(files)`: a directory of its own with these texts; `.env` and secrets are the owner's alone."""
    root = tmp_path / "deployment"

    def make(files: dict[str, str]) -> Path:
        root.mkdir(exist_ok=True)
        private = ("secrets/", ".env", ".key")
        return write(
            root,
            {n: File(n, t, 0o600 if n.startswith(private) or n.endswith(private) else None) for n, t in files.items()},
        )

    return make
