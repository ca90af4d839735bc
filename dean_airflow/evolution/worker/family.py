"""The zygote's children: forked, pinned, spoken to with a deadline, and wholly removed."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

from . import child, clock

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_DUMPABLE = 4
_libc = ctypes.CDLL(None, use_errno=True)

LINGERING = 0.5
"""Seconds a killed process gets to be gone."""
_ours: set[int] = set()
"""Children forked here and not yet removed."""
_unnamed = False


def strangers_left() -> bool:
    """Whether processes of a candidate live on that cannot be named here: then this whole jail must end."""
    return _unnamed


def become_parent() -> None:
    """Orphans of our children come to us, and nobody of the same user may look into or change our memory."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class Child:
    """One forked process that serves runs; `prepare` is called in it first and what it raises is its end."""

    def __init__(self, prepare: Callable[[], child.Run], core: int | None, fork_per_run: bool, keep: int) -> None:
        """`keep` is the zygote's connection to the judge, which the child must not have."""
        self._fork_per_run = fork_per_run
        command_read, self._write = os.pipe()
        self._read, answer_write = os.pipe()
        self._reaped = False
        self.pid = os.fork()
        _ours.add(self.pid)
        if self.pid == 0:
            self._live(prepare, core, fork_per_run, command_read, answer_write, keep)
        os.close(command_read)
        os.close(answer_write)

    def _live(
        self,
        prepare: Callable[[], child.Run],
        core: int | None,
        fork_per_run: bool,
        read: int,
        write: int,
        keep: int,
    ) -> None:
        """Never returns."""
        code = 1
        try:
            os.setpgid(0, 0)
            os.close(keep)
            if core is not None:
                os.sched_setaffinity(0, {core})
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            try:
                run = prepare()
            except BaseException as error:
                os.write(write, b"!" + f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:2000])
                os._exit(1)
            os.write(write, b"+")
            child.serve(read, write, run, fork_per_run)
            code = 0
        except BrokenPipeError:
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace")[:2000])
        finally:
            os._exit(code)

    def ready(self, deadline: float) -> str:
        """Waits for `prepare`; empty if it went well, else what it raised. Raises child.Gone."""
        first = self.receive(1, deadline)
        if first == b"+":
            return ""
        return (first + self._rest()).decode("utf-8", "replace")[1:] or "failed"

    def _rest(self) -> bytes:
        parts = []
        while part := os.read(self._read, 4096):
            parts.append(part)
        return b"".join(parts)

    def command(self, name: bytes, seed: int = 0, repeats: int = 0) -> None:
        """Sends one command. Raises child.Gone."""
        try:
            os.write(self._write, child.COMMAND.pack(name, seed, repeats))
        except OSError:
            raise child.Gone("ended") from None

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes by `deadline` (the clock's seconds). Raises child.Gone."""
        parts = b""
        while len(parts) < size:
            left = deadline - clock.now()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise child.Gone("took too long")
            part = os.read(self._read, size - len(parts))
            if not part:
                raise child.Gone(self._how_it_ended())
            parts += part
        return parts

    def run(self, seed: int, repeats: int, seconds: float) -> tuple[float, float]:
        """One measurement: its seconds by the child's clock and by ours. Raises child.Gone after `seconds`."""
        started = clock.now()
        self.command(child.RUN, seed, repeats)
        (own,) = child.RAN.unpack(self.receive(child.RAN.size, started + seconds))
        return own, clock.now() - started

    def check(self, seconds: float) -> tuple[str, str, float]:
        """Digest and description of the last run's outcome, and the seconds that took. Raises child.Gone."""
        started = clock.now()
        self.command(child.CHECK)
        digest, length = child.DIGEST.unpack(self.receive(child.DIGEST.size, started + seconds))
        description = self.receive(length, started + seconds)
        return (
            digest.decode("ascii", "replace"),
            description.decode("utf-8", "replace"),
            clock.now() - started,
        )

    def peak(self, seed: int, repeats: int, seconds: float) -> float:
        """Peak bytes of one measurement. Raises child.Gone."""
        started = clock.now()
        self.command(child.PEAK, seed, repeats)
        return float(child.RAN.unpack(self.receive(child.RAN.size, started + seconds))[0])

    def end(self) -> None:
        """After a run, lets its process go, where it had one of its own."""
        if self._fork_per_run:
            self.command(child.END)

    def condemn(self) -> None:
        """Kills it without waiting for its end."""
        if not self._reaped:
            send_kill(self.pid)

    def remove(self) -> None:
        """Kills it and whatever it left behind."""
        for descriptor in (self._write, self._read):
            os.close(descriptor)
        if not self._reaped:
            kill(self.pid)

    def _how_it_ended(self) -> str:
        """Closing the pipe is not dying: a candidate may do that and live on, so wait a moment only."""
        descriptor = os.pidfd_open(self.pid)
        ended = select.select([descriptor], [], [], 1.0)[0]
        os.close(descriptor)
        if not ended:
            return "closed its pipe"
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._reaped = True
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exited with {status}"


def compute(work: Callable[[], Any], limit: float, keep: int) -> Any:
    """What `work` returns (anything JSON can hold) when called in a forked child. Raises child.Gone after `limit`
    seconds, when the child dies, or with the text of what `work` raised."""
    read, write = os.pipe()
    pid = os.fork()
    _ours.add(pid)
    if pid == 0:
        _compute_and_exit(work, write, keep)
    os.close(write)
    parts, deadline = [], clock.now() + limit
    try:
        while True:
            left = deadline - clock.now()
            if left <= 0 or not select.select([read], [], [], left)[0]:
                raise child.Gone("took too long")
            part = os.read(read, 1 << 20)
            if not part:
                break
            parts.append(part)
    finally:
        os.close(read)
        kill(pid)
        remove_strangers(())
    try:
        answer = json.loads(b"".join(parts))
    except ValueError:
        raise child.Gone("ended without an answer") from None
    if "error" in answer:
        raise child.Gone(answer["error"])
    return answer["value"]


def _compute_and_exit(work: Callable[[], Any], write: int, keep: int) -> None:
    try:
        os.setpgid(0, 0)
        os.close(keep)
        try:
            answer = {"value": work()}
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:4000]}
        with os.fdopen(write, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def remove_strangers(known: Iterable[int]) -> None:
    """Kills every child of ours not in `known`: a candidate's own children came to us when it died."""
    spared = set(known)
    while True:
        children = _children()
        if children is None:
            _look_for_unnamed()
            return
        strangers = [pid for pid in children if pid not in spared]
        if not strangers:
            return
        for pid in strangers:
            kill(pid)


def freeze() -> None:
    """Keeps what is imported out of the children's garbage collections."""
    gc.collect()
    gc.freeze()


def kill(pid: int) -> None:
    """Kills a child of ours and its process group, and waits for it."""
    send_kill(pid)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    _ours.discard(pid)


def send_kill(pid: int) -> None:
    """To a child of ours and its process group."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)


def _look_for_unnamed() -> None:
    """Where the sandbox hides /proc: orphans cannot be named, but that there are some can be known by waiting."""
    global _unnamed
    deadline = clock.now() + LINGERING
    while not _ours:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            if clock.now() > deadline:
                _unnamed = True
                return
            time.sleep(0.001)


def _children() -> list[int] | None:
    """None where the sandbox hides /proc."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return _children_by_scan()


def _children_by_scan() -> list[int] | None:
    """Where the kernel was built without the list of children."""
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return None
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                found.append(int(name))
    return found
