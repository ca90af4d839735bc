"""What a hostile target may try on the network, other processes and the kernel, run for real."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dean_airflow.evolution.sandbox import seccomp
from dean_airflow.evolution.sandbox.sandbox import Sandbox
from tests.security.conftest import Attack, refused, signals_are_contained

_NUMBER = {name: numbers[platform.machine() == "aarch64"] for name, numbers in seccomp._NUMBERS.items()}


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
