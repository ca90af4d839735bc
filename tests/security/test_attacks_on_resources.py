"""How a hostile target may try to use up disk, memory, processes and processor, run for real."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from dean_airflow.evolution.sandbox.sandbox import Sandbox
from tests.security.conftest import Attack

_CAP_SYS_PTRACE = 19


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def test_filling_the_disk(attack: Attack, scratch: Path) -> None:
    code = """
for number in range(200):
    with open(f"fill-{number}", "wb") as file:
        file.write(bytes(1 << 20))
import time
time.sleep(30)
"""
    assert attack(code, disk_mb=40).stopped_for == "disk"


def test_filling_the_disk_with_one_file(attack: Attack, scratch: Path) -> None:
    code = "f = open('big', 'wb')\nfor _ in range(200): f.write(bytes(1 << 20))"
    assert attack(code, file_mb=20).returncode != 0
    assert (scratch / "big").stat().st_size <= 20 << 20


def test_filling_the_disk_with_files_that_have_no_name(sandbox: Sandbox, attack: Attack) -> None:
    if sandbox.level == "basic" and os.geteuid() == 0 and not _has_capability(_CAP_SYS_PTRACE):
        pytest.skip("root without CAP_SYS_PTRACE may not look into the processes of the jail's own user")
    code = """
import os, time
files = []
for number in range(20):
    files.append(open("fill", "wb", buffering=0))
    os.unlink("fill")
    files[-1].write(bytes(10 << 20))
time.sleep(30)
"""
    assert attack(code, disk_mb=40).stopped_for == "disk"


def test_leaving_a_daemon_behind(attack: Attack, scratch: Path) -> None:
    code = """
import fcntl, os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        file = open("lock", "w")
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(write, b"x")
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(600)
    os._exit(0)
os.read(read, 1)
print("tried")
"""
    assert attack(code).returncode == 0
    with (scratch / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_taking_memory(attack: Attack) -> None:
    code = "block = bytearray(1500 << 20)\nprint('reached')"
    done = attack(code, memory_mb=256)
    assert done.returncode != 0
    assert b"reached" not in done.stdout


def test_taking_memory_with_many_processes(attack: Attack) -> None:
    code = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        block = bytearray(100 << 20)
        time.sleep(600)
os.write(1, b"first end: %d" % os.wait()[1])
"""
    done = attack(code, memory_mb=256)
    # A control group lets the kernel kill one of them; where there is none, the launcher ends them all.
    assert done.stdout == b"first end: 9" or done.stopped_for == "memory"


def test_forking_without_end(attack: Attack) -> None:
    code = """
import os, time
forks = 0
try:
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(600)
        forks += 1
except OSError:
    pass
os.write(1, b"%d" % forks)
"""
    done = attack(code, processes=40)
    assert done.returncode == 0
    assert 0 < int(done.stdout) < 40


def test_a_fork_bomb_that_fights_back(attack: Attack) -> None:
    """Children of children in sessions of their own, forking as fast as they are killed."""
    code = """
import os
if os.fork() == 0:
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
"""
    assert attack(code, processes=40).returncode == 0
    assert attack("print('next')").stdout == b"next\n"


def test_spinning_the_processor(attack: Attack) -> None:
    done = attack("while True: pass", cpu_seconds=1)
    assert done.returncode in (128 + 24, 128 + 9)  # SIGXCPU, or SIGKILL where a machine enforces the hard limit
    assert done.stopped_for == ""
