"""Caps of `run`, and that a run which passed one leaves the next as it would have been."""

from __future__ import annotations

import ast
import os
import zlib
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.sandbox import Sandbox, run
from tests.security.conftest import BARE_PYTHON, Attack, MakeJail


def _next_is_fine(attack: Attack) -> bool:
    return attack("print(6 * 7)").stdout == b"42\n"


def test_output_without_end_is_cut(attack: Attack) -> None:
    done = attack("while True: print('x' * 1000)", output_mb=1)
    assert done.stopped_for == "output"
    assert len(done.stdout) == 1 << 20
    assert _next_is_fine(attack)


def test_both_streams_share_the_cap(attack: Attack) -> None:
    code = "import os\nwhile True: os.write(1, b'o' * 1000); os.write(2, b'e' * 1000)"
    done = attack(code, output_mb=1)
    assert done.stopped_for == "output"
    assert len(done.stdout) + len(done.stderr) == 1 << 20
    assert done.stdout
    assert done.stderr


def test_sleeping_past_the_deadline(attack: Attack) -> None:
    done = attack("print('begun', flush=True)\nimport time\ntime.sleep(600)", wall_seconds=1.0)
    assert done.timed_out
    assert done.returncode == 137
    assert done.stdout == b"begun\n"
    assert _next_is_fine(attack)


def test_a_silent_process_cannot_outstay_its_deadline(attack: Attack) -> None:
    """Closing its output must not get it out of sight."""
    code = "import os, time\nfor fd in (0, 1, 2): os.close(fd)\ntime.sleep(600)"
    assert attack(code, wall_seconds=1.0).timed_out


@pytest.mark.parametrize("code", ["import os; os._exit(7)", "raise SystemExit(7)"])
def test_exit_status_is_kept(attack: Attack, code: str) -> None:
    assert attack(code).returncode == 7
    assert _next_is_fine(attack)


def test_crash_shows_as_its_signal(attack: Attack) -> None:
    assert attack("import os; os.kill(os.getpid(), 11)").returncode == 128 + 11
    assert _next_is_fine(attack)


def test_input_larger_than_a_pipe(sandbox: Sandbox, make_jail: MakeJail) -> None:
    data = os.urandom(1 << 20)
    code = "import sys, zlib; print(zlib.crc32(sys.stdin.buffer.read()))"
    done = run(sandbox, [*BARE_PYTHON, "-c", code], make_jail(), input=data)
    assert int(done.stdout) == zlib.crc32(data)


def test_input_that_nobody_reads(sandbox: Sandbox, make_jail: MakeJail) -> None:
    done = run(sandbox, [*BARE_PYTHON, "-c", "print('done')"], make_jail(), input=bytes(1 << 20))
    assert done.stdout == b"done\n"


def test_the_environment_is_the_jails_alone(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAN_OURS", "1")
    done = attack("import os\nprint(sorted(os.environ))", environment={"THEIRS": "a=b c"})
    names = set(ast.literal_eval(done.stdout.decode()))
    assert "DEAN_OURS" not in names
    assert names - {"LC_CTYPE", "PWD"} == {"PATH", "TMPDIR", "THEIRS"}


def test_scratch_is_shared_with_us(attack: Attack, scratch: Path) -> None:
    (scratch / "in").write_text("from us")
    (scratch / "in").chmod(0o600)
    done = attack("text = open('in').read()\nopen('out', 'w').write(text + ' and back')\nopen('in', 'a').write('!')")
    assert done.returncode == 0, done.stderr
    assert (scratch / "out").read_text() == "from us and back"
    assert (scratch / "in").read_text() == "from us!"


def test_a_readable_directory_that_only_we_may_enter(attack: Attack, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "data").write_text("for the jail")
    (private / "data").chmod(0o600)
    done = attack("import sys\nprint(open(sys.argv[1]).read())", private / "data", readable=(private,))
    assert done.stdout == b"for the jail\n"


def test_a_command_that_does_not_exist(sandbox: Sandbox, make_jail: MakeJail) -> None:
    with pytest.raises(SandboxError, match="nowhere/no-such-command"):
        run(sandbox, ["/nowhere/no-such-command"], make_jail())
