"""The filters, run by an interpreter of classic BPF: what the kernel would answer, for either machine."""

from __future__ import annotations

import errno
import platform
import socket
import struct

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import seccomp

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return str(request.param)


def verdict(program: bytes, machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter returns for one system call, by the rules of the kernel's networking/filter.rst."""
    arch = seccomp._ARCHITECTURES[machine][0] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at = value = 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif code == 0x54:
            value &= constant
        elif code == 0x06:
            return int(constant)
        else:
            true = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[code]
            at += if_true if true else if_false


def _number(name: str, machine: str) -> int:
    return seccomp._NUMBERS[name][seccomp._ARCHITECTURES[machine][1]]


def _full() -> bytes:
    return seccomp.full_filter.__wrapped__()


def _basic(*, network: bool = False, truncate: bool = True) -> bytes:
    return seccomp.basic_filter.__wrapped__(network=network, truncate=truncate)


def test_every_listed_call_is_refused(machine: str) -> None:
    for name in seccomp._NUMBERS.keys() - seccomp._BY_ARGUMENT:
        number = _number(name, machine)
        if number < 0:
            continue
        why = errno.ENOSYS if name in seccomp._ABSENT else errno.EPERM
        assert verdict(_basic(truncate=False), machine, number) == _ERRNO | why, name
        harmless_in_namespaces = name in seccomp._UNMEDIATED or name == "truncate"
        assert verdict(_full(), machine, number) == (_ALLOW if harmless_in_namespaces else _ERRNO | why), name


def test_everything_else_is_allowed(machine: str) -> None:
    listed = {numbers[seccomp._ARCHITECTURES[machine][1]] for numbers in seccomp._NUMBERS.values()}
    for number in set(range(470)) - listed:
        assert verdict(_basic(), machine, number) == _ALLOW
        assert verdict(_full(), machine, number) == _ALLOW


def test_a_foreign_set_of_numbers_kills(machine: str) -> None:
    other = 0x40000003  # AUDIT_ARCH_I386, whose numbers mean other calls
    assert verdict(_full(), machine, 20, architecture=other) == _KILL
    assert verdict(_basic(), machine, 20, architecture=other) == _KILL


def test_x32_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert verdict(_full(), "x86_64", 0x40000000 | 101) == _ERRNO | errno.ENOSYS


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "full", "basic", "network"),
    [
        (socket.AF_UNIX, socket.SOCK_STREAM, 0, True, False, False),
        (socket.AF_INET, socket.SOCK_STREAM, 0, True, False, True),
        (socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP, True, False, True),
        (socket.AF_INET6, socket.SOCK_STREAM, 0, True, False, True),
        (socket.AF_INET, socket.SOCK_DGRAM, 0, True, False, False),
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP, True, False, False),
        (socket.AF_INET, socket.SOCK_STREAM, 262, True, False, False),  # Multipath TCP
        (socket.AF_INET, socket.SOCK_STREAM, 132, True, False, False),  # SCTP
        (socket.AF_NETLINK, socket.SOCK_RAW, 0, False, False, False),
        (socket.AF_PACKET, socket.SOCK_RAW, 0, False, False, False),
        (socket.AF_VSOCK, socket.SOCK_STREAM, 0, False, False, False),
        (socket.AF_ALG, socket.SOCK_SEQPACKET, 0, False, False, False),
    ],
)
def test_sockets(machine: str, family: int, kind: int, protocol: int, full: bool, basic: bool, network: bool) -> None:
    call = (machine, _number("socket", machine), int(family), int(kind), protocol)
    assert (verdict(_full(), *call) == _ALLOW) is full
    assert (verdict(_basic(), *call) == _ALLOW) is basic
    assert (verdict(_basic(network=True), *call) == _ALLOW) is network


def test_forking_is_allowed_and_namespaces_are_not(machine: str) -> None:
    clone = _number("clone", machine)
    fork, thread = 0x01200011, 0x003D0F00  # what glibc passes for fork and for pthread_create
    for program in (_full(), _basic()):
        assert verdict(program, machine, clone, fork) == _ALLOW
        assert verdict(program, machine, clone, thread) == _ALLOW
        for bit in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
            assert verdict(program, machine, clone, fork | bit) == _ERRNO | errno.EPERM


def test_typing_into_a_terminal_is_refused(machine: str) -> None:
    ioctl = _number("ioctl", machine)
    for program in (_full(), _basic()):
        assert verdict(program, machine, ioctl, 0, 0x5412) == _ERRNO | errno.EPERM
        assert verdict(program, machine, ioctl, 0, 0x541C) == _ERRNO | errno.EPERM
        assert verdict(program, machine, ioctl, 0, 0x5401) == _ALLOW


def test_connecting_by_sending_is_refused_with_network(machine: str) -> None:
    for name, position in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        arguments = [0] * 6
        number = _number(name, machine)
        assert verdict(_basic(network=True), machine, number, *arguments) == _ALLOW
        arguments[position] = 0x20000000 | 0x4000
        assert verdict(_basic(network=True), machine, number, *arguments) == _ERRNO | errno.EOPNOTSUPP


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "sparc64")
    with pytest.raises(SandboxError, match="sparc64"):
        _full()
