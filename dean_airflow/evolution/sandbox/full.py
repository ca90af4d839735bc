"""The level `full`: bubblewrap with every namespace, an empty root, a seccomp filter and control groups."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import relay
from dean_airflow.evolution.sandbox.index import IndexAccess
from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.process import Plan, Planned
from dean_airflow.evolution.sandbox.proxy import IndexProxy
from dean_airflow.evolution.sandbox.readable import SYSTEM_LINKS, system_paths, with_real
from dean_airflow.evolution.sandbox.seccomp import full_filter

_NOBODY = "65534"
_FILES = {
    "/etc/passwd": f"nobody:x:{_NOBODY}:{_NOBODY}:jailed:/tmp:/bin/sh\n",
    "/etc/group": f"nogroup:x:{_NOBODY}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


class FullSandbox(Planned):
    """Its own root, users, processes, network, IPC and host name; see `docs/explanation/threat-model.md`."""

    level: Literal["full"] = "full"

    def plan(self, argv: Sequence[str], jail: Jail) -> Plan:
        """As `Planned.plan`."""
        cleanups: list[Callable[[], None]] = []
        leftovers: list[str] = []
        if jail.index is not None:
            directory = Path(tempfile.mkdtemp(prefix="dean-index-"))
            leftovers.append(str(directory))
            jail, argv = _connected(jail, argv, jail.index, directory, cleanups)
        fds: list[int] = []
        options = [*_isolation(), *_root(jail, fds), "--chdir", str(jail.cwd), *_environment(jail)]
        options += ["--seccomp", str(_memory_file(full_filter(), fds))]
        status = _memory_file(b"", fds)
        options += ["--json-status-fd", str(status)]
        # Through a file and not the command line, which every user of the host can read.
        listed = _memory_file(b"".join(option.encode() + b"\0" for option in options), fds)
        command = [_bwrap(), "--args", str(listed), "--", *argv]
        return Plan(command, {}, "/", own_fds=fds, status_fd=status, leftovers=leftovers, cleanups=cleanups)

    @staticmethod
    def missing() -> str:
        """Why this level does not work here, as the end of a sentence; empty if it does. Tries it."""
        if sys.platform != "linux":
            return "it needs Linux"
        if shutil.which("bwrap") is None:
            return "the program bwrap (package bubblewrap) is not installed"
        fds: list[int] = []
        jail = Jail(readable=(), writable=(), cwd=Path("/"), environment={})
        try:
            options = [*_isolation(), *_root(jail, fds), "--seccomp", str(_memory_file(full_filter(), fds))]
            tried = subprocess.run(
                [_bwrap(), *options, "--", "/usr/bin/env"],
                env={},
                pass_fds=fds,
                capture_output=True,
                check=False,
            )
        except SandboxError as error:
            return str(error).rstrip(".")
        finally:
            for fd in fds:
                os.close(fd)
        if tried.returncode == 0:
            return ""
        said = tried.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {tried.returncode}"]
        return f"bubblewrap cannot isolate a process ({said[-1]})"


def _connected(
    jail: Jail, argv: Sequence[str], index: IndexAccess, directory: Path, cleanups: list[Callable[[], None]]
) -> tuple[Jail, list[str]]:
    """The jail and the command with a way to the package index: our proxy's socket, in `directory`, and a relay."""
    proxy = IndexProxy(index.hosts, index.upstream, directory / "proxy")
    cleanups += [proxy.close, lambda: shutil.rmtree(directory, ignore_errors=True)]
    script = Path(relay.__file__)
    interpreter = str(Path(sys.executable).resolve())
    opened = replace(
        jail,
        readable=(*jail.readable, *index.readable, directory, script),
        environment={**index.environment, **jail.environment},
    )
    return opened, [interpreter, "-I", "-S", str(script), str(directory / "proxy"), *argv]


def _bwrap() -> str:
    return shutil.which("bwrap") or "bwrap"


def _isolation() -> list[str]:
    options = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    options += ["--hostname", "jail"]
    options += ["--cap-drop", "ALL", "--uid", _NOBODY, "--gid", _NOBODY]
    if _knows(_bwrap(), "--disable-userns"):
        options += ["--disable-userns", "--assert-userns-disabled"]
    return options


@cache
def _knows(program: str, option: str) -> bool:
    """Whether this bubblewrap has an option; those before 0.8 lack some, and seccomp stands in for them."""
    shown = subprocess.run([program, "--help"], env={}, capture_output=True, check=False)
    return option.encode() in shown.stdout + shown.stderr


def _root(jail: Jail, fds: list[int]) -> list[str]:
    """The mounts, shallow before deep: what comes later covers what was there."""
    size = str(jail.limits.disk_mb << 20)
    options = ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):
        options += [*(["--size", size] if _knows(_bwrap(), "--size") else []), "--tmpfs", place]
    for name, text in _FILES.items():
        options += ["--ro-bind-data", str(_memory_file(text.encode(), fds)), name]
    mounts = {str(path): "--ro-bind" for path in [*system_paths(), *with_real(jail.readable)] if path.exists()}
    mounts.update({str(path): "--bind" for path in with_real(jail.writable)})
    for path, kind in sorted(mounts.items(), key=lambda item: item[0].count("/")):
        options += [kind, path, path]
    # bubblewrap's own root and /dev are memory file systems that would otherwise take any amount of writing, and
    # a jail started by root is still the owner of /proc/sys, with every setting of the host's kernel in it.
    return [*options, *_links(), "--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/"]


@cache
def _links() -> list[str]:
    """/bin, /lib and the like, which are links into /usr or directories of their own."""
    options = []
    for name in SYSTEM_LINKS:
        if Path(name).is_symlink():
            options += ["--symlink", str(Path(name).readlink()), name]
        elif Path(name).is_dir():
            options += ["--ro-bind", name, name]
    return options


def _environment(jail: Jail) -> list[str]:
    return [word for name, value in jail.environment.items() for word in ("--setenv", name, value)]


def _memory_file(data: bytes, fds: list[int]) -> int:
    """A descriptor from which bubblewrap reads `data`; added to `fds`."""
    fd = os.memfd_create("dean-jail")
    fds.append(fd)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
