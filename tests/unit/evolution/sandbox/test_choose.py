from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import landlock, sandbox
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox


@pytest.fixture(autouse=True)
def untried() -> Iterator[None]:
    """What was found out about this machine is forgotten before and after."""
    sandbox._why_not.cache_clear()
    yield
    sandbox._why_not.cache_clear()


@pytest.fixture
def no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


_WITHOUT_LANDLOCK = """
import sys
from dean_airflow.evolution.sandbox import confine, seccomp
from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
# Landlock's first system call is answered as by a kernel that has none: ENOSYS.
create_ruleset = 444
program = [
    seccomp._Instruction(seccomp._LOAD, seccomp._AT_NUMBER),
    seccomp._Instruction(seccomp._IF_EQUAL, create_ruleset, 0, 1),
    seccomp._Instruction(seccomp._RETURN, seccomp._ERRNO | 38),
    seccomp._Instruction(seccomp._RETURN, seccomp._ALLOW),
]
confine._prctl(confine._PR_SET_NO_NEW_PRIVS, 1)
confine._install_filter(b"".join(instruction.packed() for instruction in program))
try:
    print(choose_sandbox(sys.argv[1]).level)
except SandboxError as error:
    print(error)
"""


def _choose_without_landlock(request: str) -> str:
    command = [sys.executable, "-c", _WITHOUT_LANDLOCK, request]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_off_is_had_only_by_asking() -> None:
    assert choose_sandbox("off").level == "off"


@pytest.mark.usefixtures("no_bubblewrap")
def test_auto_takes_basic_where_there_is_no_bubblewrap() -> None:
    if landlock.abi() == 0:
        pytest.skip("this kernel has no Landlock")
    assert choose_sandbox("auto").level == "basic"


@pytest.mark.usefixtures("no_bubblewrap")
def test_auto_refuses_rather_than_run_uncontained() -> None:
    said = _choose_without_landlock("auto")
    assert "bubblewrap) is not installed" in said
    assert "no Landlock" in said
    assert "sandbox: off" in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("no_bubblewrap")
def test_full_does_not_fall_to_basic() -> None:
    with pytest.raises(SandboxError, match="bubblewrap"):
        choose_sandbox("full")


def test_basic_is_refused_without_landlock() -> None:
    assert "this kernel has no Landlock" in _choose_without_landlock("basic")


def test_a_bubblewrap_that_cannot_isolate_is_refused_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where user namespaces are forbidden: the program is there and fails."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="No permissions to create new namespace"):
        choose_sandbox("full")
