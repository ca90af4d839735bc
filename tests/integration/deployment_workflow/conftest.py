from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ...unit.deployment.rollout.conftest import running, shop

ROOT = Path(__file__).resolve().parents[3]

__all__ = ["Done", "airflow", "running", "shop"]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed or logged."""

    code: int
    out: str
    log: str


@pytest.fixture
def airflow(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Runs `airflow <words>` in this process, from the top of the clone."""
    monkeypatch.chdir(ROOT)

    def run(*words: str) -> Done:
        from airflow.cli.cli_parser import get_parser

        arguments = get_parser().parse_args(words)
        code = 0
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        printed = capfd.readouterr()
        return Done(code, printed.out, printed.out + printed.err)

    return run
