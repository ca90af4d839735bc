"""The system calls a jail may not make, assembled into classic BPF for `seccomp(2)` on x86-64 and AArch64.

Most are refused rather than fatal, so that a program that merely probes for a feature goes on without it.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from dean_airflow.errors import SandboxError

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine → (AUDIT_ARCH_*, column of _NUMBERS)."""

_NUMBERS: dict[str, tuple[int, int]] = {
    # Reading or steering other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # Kernel interfaces with a long record of holes, or that outlive the process.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "lookup_dcookie": (212, 18),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # The machine itself.
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "modify_ldt": (154, -1),
    # Decided by their arguments.
    "ioctl": (16, 29),
    "socket": (41, 198),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # Objects of the host that outlive the process, and changes that Landlock does not see.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "truncate": (76, 45),
}
"""System call → its number on x86-64 and on AArch64; -1: there is none. From the kernel's syscall tables."""

_BY_ARGUMENT = {"clone", "clone3", "ioctl", "socket", "sendto", "sendmsg", "sendmmsg"}
_UNMEDIATED = {
    "shmget",
    "semget",
    "msgget",
    "mq_open",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "removexattrat",
}
"""Harmless inside namespaces, so refused only where there are none."""
_ABSENT = {"io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"}
"""Answered as if the kernel had none of them: the C library and event loops then use what came before."""

_CLONE_NEW = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
"""Terminal requests that type on the user's behalf."""
_MSG_FASTOPEN = 0x20000000
_X32 = 0x40000000
"""Bit that marks the second set of numbers of x86-64, which would slip past a filter."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


@dataclass(frozen=True)
class _Instruction:
    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.value)


@cache
def full_filter() -> bytes:
    """The program for bubblewrap: network and IPC are namespaces there, so sockets are allowed.

    Raises SandboxError on machines other than x86-64 and AArch64.
    """
    refused = _NUMBERS.keys() - _BY_ARGUMENT - _UNMEDIATED - {"truncate"}
    families = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6]
    return _assemble(refused, [_socket_rule(families, streams_only=False)])


@cache
def basic_filter(*, network: bool, truncate: bool) -> bytes:
    """The program for a jail without namespaces: no sockets of any kind, or TCP alone with `network`.

    `truncate`: whether Landlock mediates truncating by path, so that it may be allowed.
    Raises SandboxError on machines other than x86-64 and AArch64.
    """
    refused = _NUMBERS.keys() - _BY_ARGUMENT - ({"truncate"} if truncate else set())
    families = [socket.AF_INET, socket.AF_INET6] if network else []
    return _assemble(refused, [_socket_rule(families, streams_only=True), *(_fast_open_rules() if network else [])])


def _assemble(refused: Iterable[str], rules: Sequence[tuple[str, list[_Instruction]]]) -> bytes:
    try:
        architecture, column = _ARCHITECTURES[platform.machine()]
    except KeyError:
        raise SandboxError(
            f"The sandbox knows x86_64 and aarch64 machines, and this one is {platform.machine()}."
        ) from None
    program = [
        _Instruction(_LOAD, _AT_ARCHITECTURE),
        _Instruction(_IF_EQUAL, architecture, 1, 0),
        _Instruction(_RETURN, _KILL),
        _Instruction(_LOAD, _AT_NUMBER),
    ]
    if column == 0:
        program += [_Instruction(_IF_AT_LEAST, _X32, 0, 1), _refuse(errno.ENOSYS)]
    for name, block in [*rules, _clone_rule(), ("clone3", [_refuse(errno.ENOSYS)]), _ioctl_rule()]:
        program += [_Instruction(_IF_EQUAL, _NUMBERS[name][column], 0, len(block)), *block]
    for name in sorted(refused):
        number = _NUMBERS[name][column]
        if number >= 0:
            why = errno.ENOSYS if name in _ABSENT else errno.EPERM
            program += [_Instruction(_IF_EQUAL, number, 0, 1), _refuse(why)]
    program.append(_Instruction(_RETURN, _ALLOW))
    return b"".join(instruction.packed() for instruction in program)


def _socket_rule(families: Sequence[int], *, streams_only: bool) -> tuple[str, list[_Instruction]]:
    """Only these address families; with `streams_only`, only TCP of them (socketpair is another call)."""
    block = [_load_argument(0)]
    for position, family in enumerate(families):
        # Over the remaining comparisons and the refusal.
        block.append(_Instruction(_IF_EQUAL, family, len(families) - position, 0))
    block.append(_refuse(errno.EAFNOSUPPORT))
    if streams_only:
        block += [_load_argument(1), _Instruction(_AND, 0xF)]
        block += [_Instruction(_IF_EQUAL, socket.SOCK_STREAM, 1, 0), _refuse(errno.EACCES)]
        block += [_load_argument(2), _Instruction(_IF_EQUAL, 0, 2, 0)]
        block += [_Instruction(_IF_EQUAL, socket.IPPROTO_TCP, 1, 0), _refuse(errno.EACCES)]
    return "socket", [*block, _Instruction(_RETURN, _ALLOW)]


def _fast_open_rules() -> list[tuple[str, list[_Instruction]]]:
    """No connecting by sending, which Landlock's rule for TCP does not see."""
    return [
        (
            name,
            [
                _load_argument(position),
                _Instruction(_IF_BITS, _MSG_FASTOPEN, 0, 1),
                _refuse(errno.EOPNOTSUPP),
                _Instruction(_RETURN, _ALLOW),
            ],
        )
        for name, position in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
    ]


def _clone_rule() -> tuple[str, list[_Instruction]]:
    block = [_load_argument(0), _Instruction(_IF_BITS, _CLONE_NEW, 0, 1), _refuse(errno.EPERM)]
    return "clone", [*block, _Instruction(_RETURN, _ALLOW)]


def _ioctl_rule() -> tuple[str, list[_Instruction]]:
    block = [_load_argument(1)]
    block += [_Instruction(_IF_EQUAL, _TIOCSTI, 1, 0), _Instruction(_IF_EQUAL, _TIOCLINUX, 0, 1)]
    return "ioctl", [*block, _refuse(errno.EPERM), _Instruction(_RETURN, _ALLOW)]


def _load_argument(position: int) -> _Instruction:
    """The low half of an argument: both machines are little-endian."""
    return _Instruction(_LOAD, _AT_ARGUMENTS + 8 * position)


def _refuse(why: int) -> _Instruction:
    return _Instruction(_RETURN, _ERRNO | why)
