"""The process between us and a jail: starts the jailed command, watches it, and leaves nothing of it alive.

Runs as `python -I -S -c "...main()"` with an empty environment, so it uses the standard library alone, and as little
of that as it can (not even typing, pathlib or contextlib): its start-up is paid for every jailed command.

It is a separate process because a child's wish to die with its parent (PR_SET_PDEATHSIG) follows the parent's
*thread*; the launcher has only one, and watches our process through a pidfd instead.
"""

# ruff: noqa: PTH106, PTH108, PTH208, SIM105
from __future__ import annotations

import ctypes
import marshal
import os
import resource
import select
import time

from dean_airflow.evolution.sandbox.census import Census, descendants
from dean_airflow.evolution.sandbox.disk import DiskWatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SETUP_FAILED = 125
"""Exit status when the jail could not be built; the report pipe says why."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL, _STOP = 9, 19
_IGNORED_HERE = (1, 2, 15)
"""SIGHUP, SIGINT and SIGTERM."""
_IGNORED_BY_PYTHON = (13, 25)
"""SIGPIPE and SIGXFSZ; what is ignored stays so through exec."""
_DEFAULT, _IGNORE = 0, 1

_libc = ctypes.CDLL(None, use_errno=True)
_LAUNCHER = os.getpid()


def main(plan_fd: int) -> None:
    """Run the plan that is marshalled in `plan_fd`, then exit with its command's status (128 + signal)."""
    size = os.fstat(plan_fd).st_size
    plan: dict[str, Any] = marshal.loads(os.pread(plan_fd, size, 0))
    os.close(plan_fd)
    for fd in (plan["owner"], plan["control"], plan["report"]):
        os.set_inheritable(fd, False)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Only the owner's word or death ends a jail: killed by a stray signal, we could not clean up.
    _dispose(_IGNORED_HERE, _IGNORE)
    child = os.fork()
    if child == 0:
        _become_the_command(plan)
    for fd in (0, 1, 2, *plan["passed"]):
        if fd != plan["status"]:
            os.close(fd)
    status = _supervise(child, plan)
    if plan["status"] is not None and os.WIFEXITED(status) and _never_ran(plan["status"]):
        _report(plan, "setup its bubblewrap failed")
        status = SETUP_FAILED << 8
    _reap_everyone(plan)
    for group in plan["cgroups"]:
        _remove(group)
    for directory in plan["leftovers"]:
        _discard(directory)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _become_the_command(plan: dict[str, Any]) -> None:
    """In the child: take on every restriction, then exec. Never returns."""
    try:
        _dispose((*_IGNORED_HERE, *_IGNORED_BY_PYTHON), _DEFAULT)
        for group in plan["cgroups"]:
            _write(f"{group}/cgroup.procs", b"0")
        for kind, soft, hard in plan["rlimits"]:
            most = resource.getrlimit(kind)[1]
            if most != resource.RLIM_INFINITY:
                soft, hard = min(soft, most), min(hard, most)
            resource.setrlimit(kind, (soft, hard))
        os.umask(0o022)
        os.chdir(plan["cwd"])
        if plan["confine"] is not None:
            from dean_airflow.evolution.sandbox.confine import confine

            confine(plan["confine"])
        _libc.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
        if os.getppid() != _LAUNCHER:
            os._exit(SETUP_FAILED)  # It died before we could ask to die with it.
        os.execvpe(plan["argv"][0], plan["argv"], plan["environment"])
    except FileNotFoundError as error:
        _report(plan, f"setup {error.strerror}: {error.filename}")
    except BaseException as error:
        _report(plan, f"setup {type(error).__name__}: {error}")
    os._exit(SETUP_FAILED)


def _never_ran(status_fd: int) -> bool:
    """Whether bubblewrap ended by itself without noting the exit status of the command it was to run."""
    return b"exit-code" not in os.pread(status_fd, 4096, 0)


def _dispose(signals: tuple[int, ...], disposition: int) -> None:
    """As `signal.signal`, whose module would cost more to import than everything else here."""
    for number in signals:
        _libc.signal(number, ctypes.c_void_p(disposition))


def _supervise(child: int, plan: dict[str, Any]) -> int:
    """Wait until the command ends, its owner dies or asks for its end, or a cap is passed; its wait status."""
    command = os.pidfd_open(child)
    events = select.poll()
    for fd in (command, plan["owner"], plan["control"]):
        events.register(fd, select.POLLIN | select.POLLHUP)
    disk = DiskWatch(plan["disk"], plan["disk_bytes"], _pids, interrupted=lambda: bool(events.poll(0)))
    census = Census(plan["most_processes"], plan["most_bytes"])
    watches = [watch for watch in (disk, census) if watch.active]
    while True:
        wake = min([watch.due for watch in watches], default=None)
        ready = events.poll(None if wake is None else max(0.0, wake - time.monotonic()) * 1000)
        if ready:
            break
        passed = [cap for watch in watches if watch.due <= time.monotonic() and (cap := watch.exceeded())]
        if passed:
            _report(plan, passed[0])
            break
    if command not in [fd for fd, _ in ready]:
        os.kill(child, _KILL)
    return os.waitpid(child, 0)[1]


def _pids() -> list[int]:
    return list(descendants(_LAUNCHER))


def _reap_everyone(plan: dict[str, Any]) -> None:
    """Kill and reap what is left of the jail. We are its subreaper, so whatever loses its parent becomes our child."""
    uid = plan["confine"]["uid"] if plan["confine"] else None
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if uid is not None:
            _kill_user(uid)
        else:
            _kill_descendants()
        select.select([], [], [], 0.001)


def _kill_user(uid: int) -> None:
    """Kill every process of the jail's own user at one blow, which no fork can outrun."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, _KILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _kill_descendants() -> None:
    """Stop everything first, until nothing new appears, so that nothing forks while it is being killed."""
    stopped: set[int] = set()
    while new := descendants(_LAUNCHER).keys() - stopped:
        for pid in new:
            _signal(pid, _STOP)
        stopped |= new
    for pid in stopped:
        _signal(pid, _KILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _remove(group: str) -> None:
    for _ in range(50):
        try:
            os.rmdir(group)
            return
        except FileNotFoundError:
            return
        except OSError:
            # The kernel takes a moment to forget the last process of a group.
            select.select([], [], [], 0.002)


def _discard(directory: str) -> None:
    try:
        for name in os.listdir(directory):
            os.unlink(f"{directory}/{name}")
        os.rmdir(directory)
    except FileNotFoundError:
        pass  # The owner lives and was quicker.


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _report(plan: dict[str, Any], sentence: str) -> None:
    os.write(plan["report"], sentence.encode()[:4000] + b"\n")
