"""Airflow's own command line, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def airflow(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `airflow <words>` with DEAN's data below tmp_path; answers the exit code."""
    from airflow.cli.cli_parser import get_parser

    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))

    def run(*words: str) -> int:
        arguments = get_parser().parse_args(words)
        with pytest.raises(SystemExit) as ended:
            arguments.func(arguments)
        return int(ended.value.code or 0)

    return run
