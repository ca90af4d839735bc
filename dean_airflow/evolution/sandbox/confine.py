"""Takes every right the level `basic` can take from the calling process, before it becomes the jailed command.

Standard library only, and little of it: the launcher runs it. Constants are those of <linux/prctl.h>,
<linux/capability.h> and <linux/seccomp.h>.
"""

from __future__ import annotations

import ctypes
import os
import struct

from dean_airflow.evolution.sandbox import landlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 8, 24, 38, 47
_AMBIENT_RAISE = 2
_PR_SET_SECCOMP, _SECCOMP_FILTER = 22, 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def confine(steps: dict[str, Any]) -> None:
    """Apply `steps`: `uid` (None: keep ours), `readable`, `writable`, `devices`, `ports`, `filter` (a BPF program).

    Raises OSError if any of it cannot be done; the caller must not go on then.
    """
    if steps["uid"] is not None:
        _become(steps["uid"])
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict(steps["readable"], steps["writable"], steps["devices"], steps["ports"])
    _install_filter(steps["filter"])


def _become(uid: int) -> None:
    """Another user and group, who keeps of root's powers only that of passing file permissions.

    Landlock decides what may be opened then. Without that power the jail could not use a scratch directory or an
    interpreter that only root may enter.
    """
    for capability in range(64):
        if capability != _CAP_DAC_OVERRIDE and _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    _prctl(_PR_SET_KEEPCAPS, 1)
    os.setresuid(uid, uid, uid)
    only = 1 << _CAP_DAC_OVERRIDE
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable: for the lower 32 capabilities, then for the upper.
    if _libc.capset(header, struct.pack("=6I", only, only, only, 0, 0, 0)) != 0:
        raise _error("capset")
    _prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _install_filter(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of 8-byte instructions, and where they are.
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.addressof(described))


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(ctypes.c_int(option), *words) != 0:
        raise _error(f"prctl {option}")


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
