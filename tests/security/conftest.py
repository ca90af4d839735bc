"""Every test here runs at each level of containment that this machine can have."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import landlock
from dean_airflow.evolution.sandbox.jail import Jail, Limits
from dean_airflow.evolution.sandbox.sandbox import Completed, Sandbox, choose_sandbox, run

PYTHON = str(Path(sys.executable).resolve())
"""The base interpreter, which every jail can read."""

BARE_PYTHON = [PYTHON, "-I", "-S"]
"""The same without site-packages: starts in a third of the time."""

MakeJail = Callable[..., Jail]
Attack = Callable[..., Completed]


@pytest.fixture(params=[pytest.param("full", marks=pytest.mark.bwrap), "basic"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return choose_sandbox(cast(Literal["full", "basic"], request.param))
    except SandboxError as error:
        pytest.skip(str(error))


def signals_are_contained(sandbox: Sandbox) -> bool:
    """Whether a jail cannot signal other processes of its user; see `test_gaps.py` for where it can."""
    return sandbox.level == "full" or os.geteuid() == 0 or landlock.abi() >= landlock.SCOPES_SINCE


def refused(done: Completed) -> bool:
    """Whether an attack ran to its end and got nowhere."""
    assert b"tried" in done.stdout, done
    return b"reached" not in done.stdout


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    directory = tmp_path / "scratch"
    directory.mkdir()
    return directory


@pytest.fixture
def make_jail(scratch: Path) -> MakeJail:
    """`make_jail(readable=(), index=None, **limits)`: a jail whose only writable directory is `scratch`."""

    def make(*, readable: tuple[Path, ...] = (), environment: Mapping[str, str] | None = None, **rest: Any) -> Jail:
        index = rest.pop("index", None)
        limits = Limits(**{"memory_mb": 512, "processes": 64, "wall_seconds": 60.0, **rest})
        variables = {"PATH": "/usr/bin:/bin", "TMPDIR": str(scratch), **(environment or {})}
        return Jail(readable, (scratch,), scratch, variables, limits, index)

    return make


@pytest.fixture
def attack(sandbox: Sandbox, make_jail: MakeJail) -> Attack:
    """`attack(code, *arguments, **jail)`: run Python code in a jail."""

    def run_code(code: str, *arguments: object, **jail: Any) -> Completed:
        return run(sandbox, [*BARE_PYTHON, "-c", code, *map(str, arguments)], make_jail(**jail))

    return run_code
