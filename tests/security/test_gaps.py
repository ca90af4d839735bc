"""What the level `basic` does not contain, each as the threat model tells it, and that `full` does.

A test here that fails at `basic` has found a gap closed: then the threat model is to be changed.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

from dean_airflow.evolution.sandbox.index import IndexAccess
from dean_airflow.evolution.sandbox.sandbox import Sandbox
from tests.security.conftest import BARE_PYTHON, Attack, MakeJail, signals_are_contained


def test_names_sizes_and_times_of_host_files(sandbox: Sandbox, attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    code = """
import os, sys
try:
    print(os.stat(sys.argv[1]).st_size)
    os.listdir(os.path.dirname(sys.argv[1]))
except OSError as error:
    print(type(error).__name__)
"""
    seen = attack(code, tmp_path / "secret").stdout.split()
    # Landlock decides about opening, not about looking up; listing a directory is opening it.
    assert seen == ([b"FileNotFoundError"] if sandbox.level == "full" else [b"6", b"PermissionError"])


def test_that_a_process_of_the_host_exists(sandbox: Sandbox, attack: Attack) -> None:
    code = """
import os, sys
try:
    os.kill(int(sys.argv[1]), 0)
except OSError as error:
    print(type(error).__name__)
"""
    wanted = b"ProcessLookupError\n" if sandbox.level == "full" else b"PermissionError\n"
    assert attack(code, os.getpid()).stdout == wanted


def test_signals_to_the_users_processes(sandbox: Sandbox, attack: Attack) -> None:
    """Contained by an own user as root, else by Landlock since its ABI 6."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        attack("import os, sys\nos.kill(int(sys.argv[1]), 9)", victim.pid)
        assert (victim.poll() is None) is signals_are_contained(sandbox)
        victim.communicate(b"\n")


def test_modes_and_times_of_host_files(sandbox: Sandbox, attack: Attack, tmp_path: Path) -> None:
    """Landlock does not see chmod and utime: a plain user's jail owns his files, root's may set a time to now."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    victim.chmod(0o600)
    os.utime(victim, (0, 0))
    code = """
import os, sys
for act in (lambda: os.chmod(sys.argv[1], 0o777), lambda: os.utime(sys.argv[1])):
    try:
        act()
    except OSError:
        pass
"""
    attack(code, victim)
    state = victim.stat()
    gap = sandbox.level == "basic"
    assert (state.st_mode & 0o777 == 0o777) is (gap and os.geteuid() != 0)
    assert (state.st_mtime > 0) is gap
    assert victim.read_text() == "mine"


def test_name_of_the_host(sandbox: Sandbox, attack: Attack) -> None:
    done = attack("import os; print(os.uname().nodename)")
    assert (done.stdout.decode().strip() == platform.node()) is (sandbox.level == "basic")


def test_the_proxys_port_on_other_hosts(sandbox: Sandbox, make_jail: MakeJail) -> None:
    """Landlock's rule names a port, not a host; another address of the loopback stands for another host."""
    code = """
import os, socket
from urllib.parse import urlsplit
port = urlsplit(os.environ["HTTPS_PROXY"]).port
print(port, flush=True)
input()
try:
    socket.create_connection(("127.0.0.2", port), 5)
    print("connected")
except OSError as error:
    print("refused")
"""
    process = sandbox.popen(
        [*BARE_PYTHON, "-c", code],
        make_jail(index=IndexAccess(hosts=("pypi.org",))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with socket.create_server(("127.0.0.2", int(process.stdout.readline()))):
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stdout.read() == (b"refused\n" if sandbox.level == "full" else b"connected\n")
    process.wait()
    process.stdout.close()
