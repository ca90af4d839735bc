"""A jail ends with its command, with `kill`, and with its owner, and leaves nothing on the machine."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import cgroup
from dean_airflow.evolution.sandbox.process import Process
from dean_airflow.evolution.sandbox.sandbox import Sandbox, choose_sandbox, run
from tests.security.conftest import BARE_PYTHON, Attack, MakeJail, signals_are_contained

_HOLD_A_LOCK = """
import fcntl, os, sys, time
def hold(name):
    file = open(name, "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file
kept = hold("parent")
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        kept = hold("daemon")
        os.write(write, b"x")
        time.sleep(600)
    os._exit(0)
os.read(read, 1)
print("holding", flush=True)
time.sleep(600)
"""


def _all_are_gone(scratch: Path) -> bool:
    """Whether nobody holds the locks that _HOLD_A_LOCK takes: a lock goes when its last holder is dead."""
    for name in ("parent", "daemon"):
        with (scratch / name).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True


def _wait_until_gone(scratch: Path) -> None:
    """Returns when nobody holds the locks; a test that hangs here has found a survivor."""
    for name in ("parent", "daemon"):
        with (scratch / name).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def _start_holder(sandbox: Sandbox, make_jail: MakeJail) -> Process:
    process = sandbox.popen([*BARE_PYTHON, "-c", _HOLD_A_LOCK], make_jail(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"holding\n"
    return process


@pytest.fixture(params=[pytest.param("full", marks=pytest.mark.bwrap), "basic", "off"])
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return choose_sandbox(request.param)
    except SandboxError as error:
        pytest.skip(str(error))


def test_kill_ends_every_session(any_sandbox: Sandbox, make_jail: MakeJail, scratch: Path) -> None:
    process = _start_holder(any_sandbox, make_jail)
    assert not _all_are_gone(scratch)
    assert process.poll() is None
    process.kill()
    assert _all_are_gone(scratch)
    assert process.poll() == 128 + signal.SIGKILL
    process.kill()
    assert process.wait() == 128 + signal.SIGKILL


def test_kill_works_though_a_fork_of_ours_holds_our_descriptors(
    any_sandbox: Sandbox, make_jail: MakeJail, scratch: Path
) -> None:
    process = _start_holder(any_sandbox, make_jail)
    read, write = os.pipe()
    fork = os.fork()
    if fork == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    try:
        process.kill()
        assert _all_are_gone(scratch)
    finally:
        os.close(write)
        os.close(read)
        os.waitpid(fork, 0)


def test_stray_signals_to_the_launcher_end_nothing(any_sandbox: Sandbox, make_jail: MakeJail, scratch: Path) -> None:
    process = _start_holder(any_sandbox, make_jail)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(process.pid, number)
    assert process.poll() is None
    process.kill()
    assert _all_are_gone(scratch)


def test_nothing_survives_a_killed_launcher(sandbox: Sandbox, make_jail: MakeJail, scratch: Path) -> None:
    if sandbox.level == "basic" and not cgroup._parents():
        pytest.skip("without control groups only the launcher knows the jail's processes at this level")
    process = _start_holder(sandbox, make_jail)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == 128 + signal.SIGKILL
    _wait_until_gone(scratch)


def test_dropping_the_last_reference_ends_it(any_sandbox: Sandbox, make_jail: MakeJail, scratch: Path) -> None:
    process = _start_holder(any_sandbox, make_jail)
    assert process.stdout is not None
    process.stdout.close()
    with pytest.warns(ResourceWarning):
        del process
    _wait_until_gone(scratch)


_OWNER = """
import sys, threading
from pathlib import Path
from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.sandbox.index import IndexAccess
level, scratch, *argv = sys.argv[1:]
kept = []
def start():
    jail = Jail((), (Path(scratch),), Path(scratch), {"PATH": "/usr/bin:/bin"}, index=IndexAccess(("pypi.org",)))
    kept.append(choose_sandbox(level).popen(argv, jail, stdout=sys.stdout))
    print(kept[0].pid, flush=True)
# In a thread that ends at once: the jail belongs to the process.
thread = threading.Thread(target=start)
thread.start()
thread.join()
sys.stdin.read()
"""


def test_nothing_survives_an_owner_killed_outright(
    any_sandbox: Sandbox, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = [sys.executable, "-c", _OWNER, any_sandbox.level, str(scratch), *BARE_PYTHON, "-c", _HOLD_A_LOCK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        # The launcher's number and the jail's word come in either order.
        words = sorted([owner.stdout.readline(), owner.stdout.readline()])
        assert words[1] == b"holding\n"
        launcher = os.pidfd_open(int(words[0]))
        assert not _all_are_gone(scratch)
        owner.kill()
        select.select([launcher], [], [])
        os.close(launcher)
    assert _all_are_gone(scratch)
    assert list(temporary.iterdir()) == []
    for parent in cgroup._parents().values():
        assert list(Path(parent).glob(f"dean-jail-{owner.pid}-*")) == []


def test_no_control_group_is_left(sandbox: Sandbox, make_jail: MakeJail) -> None:
    run(sandbox, [*BARE_PYTHON, "-c", ""], make_jail())
    for parent in cgroup._parents().values():
        assert list(Path(parent).glob(f"dean-jail-{os.getpid()}-*")) == []


def test_no_descriptor_of_ours_is_left(sandbox: Sandbox, make_jail: MakeJail) -> None:
    run(sandbox, [*BARE_PYTHON, "-c", ""], make_jail())
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    run(sandbox, [*BARE_PYTHON, "-c", ""], make_jail())
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_the_end_can_be_waited_for_with_select(sandbox: Sandbox, make_jail: MakeJail) -> None:
    process = sandbox.popen([*BARE_PYTHON, "-c", "raise SystemExit(3)"], make_jail())
    select.select([process], [], [])
    assert process.poll() == 3


def test_waiting_gives_up_at_its_timeout(sandbox: Sandbox, make_jail: MakeJail) -> None:
    process = sandbox.popen([*BARE_PYTHON, "-c", "input()"], make_jail(), stdin=subprocess.PIPE)
    with pytest.raises(TimeoutError):
        process.wait(0.01)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.wait() == 0


def test_a_worker_forks_pins_and_kills_its_children(sandbox: Sandbox, make_jail: MakeJail) -> None:
    """What a warm worker does, over a socket pair it was handed."""
    ours, theirs = socket.socketpair()
    code = """
import os, signal, socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
core = min(os.sched_getaffinity(0))
while channel.recv(1):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.sched_setaffinity(0, {core})
        os.write(write, b"%d" % len(os.sched_getaffinity(0)))
        signal.pause()
    pinned = os.read(read, 16)
    os.close(read), os.close(write)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    channel.send(b"%s %d" % (pinned, status))
"""
    with ours:
        process = sandbox.popen(
            [*BARE_PYTHON, "-c", code, str(theirs.fileno())], make_jail(), pass_fds=[theirs.fileno()]
        )
        theirs.close()
        for _ in range(3):
            ours.send(b"x")
            assert ours.recv(64) == b"1 9"
        ours.shutdown(socket.SHUT_WR)
        assert process.wait() == 0
        assert ours.recv(64) == b""


def test_jails_do_not_end_each_other(sandbox: Sandbox, make_jail: MakeJail, attack: Attack, scratch: Path) -> None:
    if not signals_are_contained(sandbox):
        pytest.skip("this kernel's Landlock does not mediate signals, and the attack would end the tests")
    process = _start_holder(sandbox, make_jail)
    attack("import os, signal\nsignal.signal(15, signal.SIG_IGN)\nos.kill(-1, 15)")
    assert process.poll() is None
    process.kill()
    assert _all_are_gone(scratch)


def test_many_jails_at_once(sandbox: Sandbox, make_jail: MakeJail) -> None:
    results: list[bytes] = []

    def one(number: int) -> None:
        results.append(run(sandbox, [*BARE_PYTHON, "-c", f"print({number})"], make_jail()).stdout)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [b"%d\n" % number for number in range(6)]
