"""A jailed process as its owner sees it, and how it is started through the launcher."""

from __future__ import annotations

import contextlib
import marshal
import os
import resource
import select
import subprocess
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.cgroup import end_cgroups, make_cgroups
from dean_airflow.evolution.sandbox.jail import Jail, Limits
from dean_airflow.evolution.sandbox.launcher import SETUP_FAILED

Stream = int | IO[Any]
"""What `subprocess.Popen` takes: DEVNULL, PIPE, STDOUT, a descriptor or a file."""

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[3])
_LAUNCH = (
    # At the end: nothing that lies beside our package may pass for a module of the standard library.
    "import sys; sys.path.append(sys.argv[2]);"
    "from dean_airflow.evolution.sandbox.launcher import main; main(int(sys.argv[1]))"
)
_LAUNCHER_PATIENCE = 10.0
"""Seconds a launcher has to end a jail before it is killed itself."""


@dataclass
class Plan:
    """What a level asks the launcher to start."""

    argv: list[str]
    environment: Mapping[str, str]
    cwd: str
    confine: dict[str, Any] | None = None
    """What `confine.py` does to the command before it starts; None: nothing."""
    own_fds: list[int] = field(default_factory=list)
    """Descriptors of ours that the command needs and that are closed here once it has started."""
    status_fd: int | None = None
    """One of them, a file in which bubblewrap notes the command's exit status; None: no bubblewrap."""
    leftovers: list[str] = field(default_factory=list)
    """Directories of ours without subdirectories that go with the jail, though we be dead by then."""
    cleanups: list[Callable[[], None]] = field(default_factory=list)
    """Run once when every process of the jail is gone."""
    capped: bool = True
    """Whether the jail's limits apply, and the growth of its writable directories counts."""


class Process:
    """One jailed command with everything it started. Streams are those of `subprocess.Popen`."""

    def __init__(
        self,
        launcher: subprocess.Popen[bytes],
        control: int,
        report: int,
        cgroups: Sequence[str],
        cleanups: list[Callable[[], None]],
    ) -> None:
        self._launcher = launcher
        self._control = control
        self._report = report
        self._cgroups = cgroups
        self._cleanups = cleanups
        self._ended = os.pidfd_open(launcher.pid)
        self._fds = [control, report, self._ended]
        self._concluding = threading.RLock()
        self.pid = launcher.pid
        """Of the launcher: the jail's processes are its descendants."""
        self.stdin, self.stdout, self.stderr = launcher.stdin, launcher.stdout, launcher.stderr
        self._setup_problem = ""
        self.stopped_for: str = ""
        """`disk`, `memory` or `processes` when the sandbox ended it for passing that cap; known once it has ended."""
        # A process nobody waited for dies with its last reference: the launcher sees its control pipe closed.
        weakref.finalize(self, _close_all, self._fds)

    def poll(self) -> int | None:
        """The command's exit status (128 + n when signal n ended it), or None while it runs.

        Raises SandboxError if the jail could not be built.
        """
        code = self._launcher.poll()
        return None if code is None else self._conclude(code)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once the command has ended and nothing it started is left.

        Raises TimeoutError after `timeout` seconds (the process goes on) and SandboxError as `poll` does.
        """
        if self._launcher.returncode is None:
            events = select.poll()
            events.register(self._ended, select.POLLIN)
            if not events.poll(None if timeout is None else max(0.0, timeout * 1000)):
                raise TimeoutError(f"the jailed process {self.pid} still runs after {timeout} s")
        return self._conclude(self._launcher.wait())

    def kill(self) -> None:
        """End every process of the jail, whatever session it moved to, and return when they are gone."""
        with self._concluding, contextlib.suppress(BrokenPipeError):
            if self._fds:
                # Closing would not do: a fork of ours may hold a copy.
                os.write(self._control, b"end")
        with contextlib.suppress(SandboxError):
            try:
                self.wait(_LAUNCHER_PATIENCE)
            except TimeoutError:
                self._launcher.kill()
                self.wait()

    def fileno(self) -> int:
        """Becomes readable when the process has ended, for `select` and event loops; valid until it was waited for."""
        return self._ended

    def _conclude(self, code: int) -> int:
        """Once, when the launcher has ended with `code`: read its report and clean up. The jail's exit status."""
        with self._concluding:
            fds = list(self._fds)
            self._fds.clear()
            if fds:
                for line in _read_all(self._report).decode(errors="replace").splitlines():
                    word, _, rest = line.partition(" ")
                    if word == "setup":
                        self._setup_problem = rest
                    else:
                        self.stopped_for = word
                _close_all(fds)
                if code < 0:
                    # Somebody killed the launcher, so that it could not do this.
                    end_cgroups(self._cgroups)
                for cleanup in self._cleanups:
                    cleanup()
        if self._setup_problem and code == SETUP_FAILED:
            raise SandboxError(f"The sandbox could not start the command: {self._setup_problem}.")
        return code if code >= 0 else 128 - code


class Planned(ABC):
    """A level of containment: what it starts for a command is its own, how that is started and ended is not."""

    @abstractmethod
    def plan(self, argv: Sequence[str], jail: Jail) -> Plan:
        """What the launcher is to start for a command in a jail. Raises SandboxError."""

    def popen(
        self,
        argv: Sequence[str],
        jail: Jail,
        *,
        pass_fds: Sequence[int] = (),
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = subprocess.DEVNULL,
        stderr: Stream = subprocess.DEVNULL,
    ) -> Process:
        """Start a command in a jail. Descriptors in `pass_fds` keep their numbers; no other is inherited.

        Everything of it dies when the command ends, on `Process.kill`, and when our process dies in any way.
        Raises SandboxError if the jail cannot be built.
        """
        return _launch(self.plan(argv, jail), jail, pass_fds, (stdin, stdout, stderr))


def _launch(plan: Plan, jail: Jail, pass_fds: Sequence[int], streams: tuple[Stream, Stream, Stream]) -> Process:
    """Raises SandboxError if the launcher itself cannot be started."""
    limits, capped = jail.limits, plan.capped
    stdin, stdout, stderr = streams
    groups = make_cgroups(limits.memory_mb, limits.processes) if capped else {}
    directories = list(dict.fromkeys(groups.values()))
    control_read, control_write = os.pipe()
    report_read, report_write = os.pipe()
    owner = os.pidfd_open(os.getpid())
    steps = {
        "argv": plan.argv,
        "environment": dict(plan.environment),
        "cwd": plan.cwd,
        "confine": plan.confine,
        "cgroups": directories,
        "rlimits": _rlimits(limits, groups, _others(plan)) if capped else [],
        # The caps that no control group looks after.
        "most_processes": limits.processes if capped and "pids" not in groups else 0,
        "most_bytes": limits.memory_mb << 20 if capped and "memory" not in groups else 0,
        "disk": [str(path) for path in jail.writable] if capped else [],
        "disk_bytes": limits.disk_mb << 20,
        "leftovers": plan.leftovers,
        "owner": owner,
        "control": control_read,
        "report": report_write,
        "status": plan.status_fd,
        "passed": [*pass_fds, *plan.own_fds],
    }
    plan_fd = os.memfd_create("dean-jail-plan")
    os.write(plan_fd, marshal.dumps(steps))
    ours = [plan_fd, owner, control_read, report_write, *plan.own_fds]
    try:
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(plan_fd), _PACKAGE_PARENT],
            env={},
            cwd="/",
            pass_fds=[*ours, *pass_fds],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        os.close(control_write)
        os.close(report_read)
        end_cgroups(directories)
        for cleanup in plan.cleanups:
            cleanup()
        raise SandboxError(f"The sandbox could not start its launcher {sys.executable}: {error}.") from error
    finally:
        for fd in ours:
            os.close(fd)
    return Process(launcher, control_write, report_read, directories, plan.cleanups)


def _rlimits(limits: Limits, groups: Mapping[str, str], others: Callable[[], int]) -> list[tuple[int, int, int]]:
    """(resource, soft, hard) for the jail's processes; `others` counts those of its user outside it."""
    size = limits.memory_mb << 20
    # The soft CPU limit sends SIGXCPU, which can be caught; the hard one, a second later, cannot.
    caps = [
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, limits.file_mb << 20, limits.file_mb << 20),
        # Not 0, with which a crash is still piped to the host's crash handler; see core(5).
        (resource.RLIMIT_CORE, 1, 1),
    ]
    if "memory" not in groups:
        caps.append((resource.RLIMIT_AS, size, size))
    if "pids" not in groups:
        most = limits.processes + others()
        caps.append((resource.RLIMIT_NPROC, most, most))
    return caps


def _others(plan: Plan) -> Callable[[], int]:
    has_own_user = plan.confine is not None and plan.confine["uid"] is not None
    return (lambda: 0) if has_own_user else _processes_of_this_user


def _processes_of_this_user() -> int:
    """Threads included, as the rlimit counts them."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == os.getuid():
                    count += len(os.listdir(entry / "task"))  # noqa: PTH208
    return count


def _read_all(pipe: int) -> bytes:
    """What is in a pipe; a copy of its other end may live on in a fork of ours, so its end is not awaited."""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        return os.read(pipe, 1 << 16)
    return b""


def _close_all(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())
