"""Landlock through its bare system calls: which files and TCP ports a process and its children can ever use.

Standard library only: the launcher runs it. Constants are those of the kernel's <linux/landlock.h>.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls, numbered alike on every machine."""
_ASK_VERSION = 1
_UNDER_PATH, _PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK, _REFER, _TRUNCATE, _IOCTL = 1 << 6, 1 << 11, 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1

TRUNCATE_SINCE, NETWORK_SINCE, SCOPES_SINCE = 3, 4, 6
"""ABI versions from which truncation by path, TCP ports, and signals and abstract sockets are mediated."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Landlock's version here; 0 where the kernel lacks it or has it switched off."""
    version: int = _libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(0, version)


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], ports: Iterable[int]) -> None:
    """Confine this process for good: whatever is not named can neither be opened nor reached.

    Needs no-new-privileges or CAP_SYS_ADMIN. Paths that do not exist are left out. `devices` may be read, written
    and asked (ioctl). Raises OSError when the kernel refuses.
    """
    version = abi()
    handled = _handled(version)
    attributes = [handled]
    if version >= NETWORK_SINCE:
        attributes.append(_BIND_TCP | _CONNECT_TCP)
    if version >= SCOPES_SINCE:
        attributes.append(_SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS)
    ruleset = _call(_CREATE, struct.pack(f"={len(attributes)}Q", *attributes), 8 * len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled)
        for path in writable:
            _allow(ruleset, path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL))
        for path in devices:
            _allow(ruleset, path, handled & (_READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL))
        for port in ports:
            _call(_ADD, ruleset, _PORT, struct.pack("=QQ", _CONNECT_TCP, port), 0)
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(version: int) -> int:
    """Every file access this version mediates."""
    handled = _REFER - 1
    for since, access in ((2, _REFER), (TRUNCATE_SINCE, _TRUNCATE), (5, _IOCTL)):
        if version >= since:
            handled |= access
    return handled


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            access &= _ON_FILES
        _call(_ADD, ruleset, _UNDER_PATH, struct.pack("=Qi", access, fd), 0)
    finally:
        os.close(fd)


def _call(number: int, *arguments: int | bytes) -> int:
    """One system call. Raises OSError with its errno."""
    words = [ctypes.c_long(each) if isinstance(each, int) else ctypes.c_char_p(each) for each in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
