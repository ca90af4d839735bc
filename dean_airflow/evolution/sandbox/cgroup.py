"""Control groups that cap one jail's memory and processes, where this machine lets us make them (v1 and v2)."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_NAME = "dean-jail"
_PATIENCE = 10.0
"""Seconds until a killed process must have ended."""
_PAUSE = 0.002
_serial = itertools.count()


def make_cgroups(memory_mb: int, processes: int) -> dict[str, str]:
    """New groups with these caps: controller (`memory`, `pids`) → directory, empty where none can be made.

    A process joins by writing 0 to `cgroup.procs` there. Whoever made them removes the directories once empty;
    those that a killed owner left are removed here.
    """
    made: dict[str, str] = {}
    # The same name for both: under v2 they are one directory.
    name = f"{_NAME}-{os.getpid()}-{next(_serial)}"
    for controller, parent in _parents().items():
        _sweep(Path(parent))
        group = Path(parent) / name
        try:
            group.mkdir(exist_ok=True)
            if controller == "memory":
                _cap_memory(group, memory_mb << 20)
            else:
                (group / "pids.max").write_text(str(processes))
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        made[controller] = str(group)
    return made


def end_cgroups(directories: Sequence[str]) -> None:
    """Kill whatever is in these groups, and remove them."""
    for directory in map(Path, directories):
        deadline = time.monotonic() + _PATIENCE
        while directory.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                for pid in (directory / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                directory.rmdir()
                break
            time.sleep(_PAUSE)


def _cap_memory(group: Path, size: int) -> None:
    if (group / "memory.max").exists():
        (group / "memory.max").write_text(str(size))
        with contextlib.suppress(OSError):
            (group / "memory.swap.max").write_text("0")
    else:
        (group / "memory.limit_in_bytes").write_text(str(size))
        # Absent where the kernel does not account for swap; there is then none to use either.
        with contextlib.suppress(OSError):
            (group / "memory.memsw.limit_in_bytes").write_text(str(size))


@cache
def _parents() -> dict[str, str]:
    """Controller → directory under which groups that have it can be made."""
    found: dict[str, str] = {}
    mounts = _mounts()
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        controllers = ["memory", "pids"] if names == "" else names.split(",")
        for controller in {"memory", "pids"}.intersection(controllers):
            mount = mounts.get("" if names == "" else controller)
            if mount is None or (names == "" and controller in found):
                continue
            for parent in _candidates(mount, path):
                if _offers(parent, controller, unified=names == ""):
                    found[controller] = str(parent)
                    break
    return found


def _candidates(mount: tuple[str, str], path: str) -> list[Path]:
    """Our own group, and the one above it: under v2 a group that holds processes cannot have capped children."""
    root, point = mount
    inside = path[len(root) :] if root != "/" and path.startswith(root) else path
    own = Path(point) / inside.lstrip("/")
    if not own.is_dir():
        own = Path(point)
    return [own] if own == Path(point) else [own, own.parent]


def _offers(parent: Path, controller: str, *, unified: bool) -> bool:
    """Whether a group with this controller can be made here; found out by making one."""
    trial = parent / f"{_NAME}-{os.getpid()}-probe-{controller}"
    try:
        if unified:
            switch = parent / "cgroup.subtree_control"
            if controller not in switch.read_text().split():
                switch.write_text(f"+{controller}")
        trial.mkdir()
    except OSError:
        return False
    try:
        wanted = ["memory.max", "memory.limit_in_bytes"] if controller == "memory" else ["pids.max"]
        return any(os.access(trial / name, os.W_OK) for name in wanted)
    finally:
        with contextlib.suppress(OSError):
            trial.rmdir()


def _mounts() -> dict[str, tuple[str, str]]:
    """Controller (empty: v2) → (root of the mount inside the hierarchy, where it is mounted)."""
    found: dict[str, tuple[str, str]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            found[""] = (root, point)
        elif kind == "cgroup":
            for option in options.split(","):
                found[option] = (root, point)
    return found


def _sweep(parent: Path) -> None:
    """Remove groups whose owner died so suddenly that neither it nor its launcher could."""
    for group in parent.glob(f"{_NAME}-*"):
        owner = group.name.removeprefix(f"{_NAME}-").partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                group.rmdir()
