"""What a hostile target may try, run for real: each attack prints `reached: ...` only if it got through."""

from __future__ import annotations

import fcntl
import os
import platform
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dean_airflow.evolution.sandbox import seccomp
from dean_airflow.evolution.sandbox.sandbox import Completed, Sandbox
from tests.security.conftest import Attack, signals_are_contained

_NUMBER = {name: numbers[platform.machine() == "aarch64"] for name, numbers in seccomp._NUMBERS.items()}


_CAP_SYS_PTRACE = 19


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def refused(done: Completed) -> bool:
    """Whether an attack ran to its end and got nowhere."""
    assert b"tried" in done.stdout, done
    return b"reached" not in done.stdout


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


def test_reaching_a_tcp_port_of_the_host(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        code = """
import socket, sys
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
    try:
        socket.socket(family).connect((address, int(sys.argv[1])))
        print("reached")
    except OSError:
        print("tried")
"""
        assert refused(attack(code, server.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_sending_datagrams_to_the_host(attack: Attack) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        code = """
import socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(sys.argv[1])))
except OSError:
    pass
for family, kind in ((socket.AF_NETLINK, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW), (40, 1), (38, 5)):
    try:
        socket.socket(family, kind)
        print("reached: family", family)
    except OSError:
        print("tried")
"""
        assert refused(attack(code, receiver.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_reaching_unix_sockets_of_the_host(attack: Attack, tmp_path: Path) -> None:
    names = [f"\0dean-{uuid.uuid4().hex}", str(tmp_path / "socket")]
    servers = [socket.socket(socket.AF_UNIX) for _ in names]
    try:
        for server, name in zip(servers, names, strict=True):
            server.bind(name)
            server.listen()
        code = """
import socket, sys
for name in sys.argv[1:]:
    try:
        socket.socket(socket.AF_UNIX).connect(name.replace("@", chr(0)))
        print("reached:", name)
    except OSError:
        print("tried")
"""
        assert refused(attack(code, *[name.replace("\0", "@") for name in names]))
    finally:
        for server in servers:
            server.close()


def test_killing_a_process_of_the_host(sandbox: Sandbox, attack: Attack) -> None:
    if not signals_are_contained(sandbox):
        pytest.skip("this kernel's Landlock does not mediate signals, and the attack would end the tests")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        code = """
import os, signal, sys
for pid in (int(sys.argv[1]), int(sys.argv[2])):
    try:
        os.kill(pid, 9)
        print("reached:", pid)
    except OSError:
        print("tried")
sys.stdout.flush()
signal.signal(15, signal.SIG_IGN)
try:
    os.kill(-1, 15)
except OSError:
    pass
"""
        done = attack(code, victim.pid, os.getpid())
        assert victim.poll() is None
        victim.communicate(b"\n")
        assert victim.returncode == 0
        assert refused(done)


def test_new_namespaces_and_mounts(attack: Attack) -> None:
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, 0x10020000, 0x00020000, 0x40000000, 0x20000000):
    print("reached: unshare" if libc.unshare(flags) == 0 else "tried")
print("reached: mount" if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 else "tried")
print("reached: chroot" if libc.chroot(b".") == 0 else "tried")
clone = int(sys.argv[1])
result = libc.syscall(clone, 0x10000000 | 17, 0, 0, 0, 0)
if result == 0:
    os._exit(0)
print("reached: clone" if result > 0 else "tried")
"""
    assert refused(attack(code, _NUMBER["clone"]))


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


@pytest.mark.parametrize(
    "name",
    [
        "keyctl",
        "add_key",
        "request_key",
        "io_uring_setup",
        "userfaultfd",
        "perf_event_open",
        "bpf",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_getfd",
        "open_by_handle_at",
        "setns",
        "clock_settime",
        "syslog",
    ],
)
def test_dangerous_system_calls(attack: Attack, name: str) -> None:
    code = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall(ctypes.c_long(int(sys.argv[1])), 0, 0, 0, 0, 0)
print("tried", result, ctypes.get_errno())
"""
    done = attack(code, _NUMBER[name])
    wanted = b"38" if name in seccomp._ABSENT else b"1"
    assert done.stdout.split() == [b"tried", b"-1", wanted]


def test_spinning_the_processor(attack: Attack) -> None:
    done = attack("while True: pass", cpu_seconds=1)
    assert done.returncode in (128 + 24, 128 + 9)  # SIGXCPU, or SIGKILL where a machine enforces the hard limit
    assert done.stopped_for == ""


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
