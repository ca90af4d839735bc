"""What a hostile target may try to read and write, run for real: each prints `reached: ...` only if it got through."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dean_airflow.evolution.sandbox.sandbox import Sandbox
from tests.security.conftest import Attack, refused


def test_reading_the_hosts_password_hashes(attack: Attack) -> None:
    code = """
for path in ("/etc/shadow", "/etc/gshadow", "/proc/kcore", "/root/.ssh"):
    try:
        with open(path, "rb") as file:
            print("reached:", path, file.read(1))
    except OSError:
        print("tried")
"""
    assert refused(attack(code))


def test_reading_the_users_home(attack: Attack) -> None:
    secret = Path.home() / f".dean-canary-{uuid.uuid4().hex}"
    secret.write_text("canary")
    try:
        code = """
import sys
try:
    print("reached:", open(sys.argv[1]).read())
except OSError:
    print("tried")
"""
        assert refused(attack(code, secret))
    finally:
        secret.unlink()


def test_writing_to_the_host(attack: Attack, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    readable = tmp_path / "tests"
    readable.mkdir()
    (readable / "test_it.py").write_text("assert True")
    code = """
import os, sys
victim, tests = sys.argv[1:]
places = [victim, victim + "2", tests + "/test_it.py", tests + "/new", "/etc/dean", "/usr/dean", "/dean",
          os.__file__, sys.executable, "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
          "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"]
for place in places:
    for act in (lambda: open(place, "a").close(), lambda: os.truncate(place, 0), lambda: os.unlink(place),
                lambda: os.rename(place, place + "x"), lambda: os.link(place, "stolen")):
        try:
            act()
            # A jail may have that name in a /tmp of its own; the host's file is looked at below.
            if not place.startswith(victim):
                print("reached:", place)
        except OSError:
            print("tried")
"""
    core_pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    assert refused(attack(code, victim, readable, readable=(readable,)))
    assert victim.read_text() == "mine"
    assert (readable / "test_it.py").read_text() == "assert True"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", "tests", "victim"]
    assert Path("/proc/sys/kernel/core_pattern").read_text() == core_pattern


def test_following_a_link_out_of_scratch(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    code = """
import os, sys
os.symlink(sys.argv[1], "link")
for mode in "rw":
    try:
        print("reached:", open("link", mode).read())
    except (OSError, ValueError):
        print("tried")
"""
    assert refused(attack(code, tmp_path / "secret"))
    assert (tmp_path / "secret").read_text() == "canary"


def test_opening_block_devices(attack: Attack) -> None:
    devices = [f"/dev/{disk.name}" for disk in Path("/sys/block").iterdir()]
    numbers = [disk.joinpath("dev").read_text().strip() for disk in Path("/sys/block").iterdir()]
    code = """
import os, stat, sys
for device in sys.argv[1:]:
    try:
        if ":" in device:
            os.mknod("device", 0o600 | stat.S_IFBLK, os.makedev(*map(int, device.split(":"))))
        open(device, "rb")
        print("reached:", device)
    except OSError:
        print("tried")
"""
    assert refused(attack(code, "/dev/mem", "/dev/kmsg", "8:0", *devices, *numbers))


def test_reading_secrets_from_environments(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = uuid.uuid4().hex
    monkeypatch.setenv("DEAN_CANARY", canary)
    code = """
import glob, os
print(dict(os.environ))
for path in ["/proc/1/environ", "/proc/self/environ", *glob.glob("/proc/[0-9]*/environ"),
             "/proc/%d/environ" % os.getppid()]:
    try:
        print(open(path, "rb").read())
    except OSError:
        print("tried")
"""
    # Ours was set too late to be in our own /proc entry, so there is a process that was born with it.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bearer:
        done = attack(code)
        bearer.communicate(b"\n")
    assert b"TMPDIR" in done.stdout
    assert canary.encode() not in done.stdout + done.stderr


def test_using_an_inherited_descriptor(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    with (tmp_path / "secret").open("r+b") as secret:
        os.set_inheritable(secret.fileno(), True)
        code = """
import os
for fd in range(3, 256):
    try:
        print("reached: descriptor", fd, os.fstat(fd))
    except OSError:
        print("tried")
"""
        assert refused(attack(code))


def test_reaching_into_the_judges_memory(attack: Attack) -> None:
    code = """
import os
for path in ("/proc/%d/mem" % os.getppid(), "/proc/1/mem"):
    try:
        open(path, "r+b")
        print("reached:", path)
    except OSError:
        print("tried")
"""
    assert refused(attack(code))


def test_typing_into_the_users_terminal(sandbox: Sandbox, attack: Attack) -> None:
    code = """
import fcntl
try:
    fcntl.ioctl(0, 0x5412, b"x")
    print("reached")
except OSError as error:
    print("tried", error.errno)
try:
    open("/dev/tty", "r+b")
    print("reached")
except OSError:
    print("tried")
"""
    done = attack(code)
    assert refused(done)
    assert b"tried 1\n" in done.stdout
