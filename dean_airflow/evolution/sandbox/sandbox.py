"""Which sandbox is used, and one-shot commands in it."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.basic import BasicSandbox
from dean_airflow.evolution.sandbox.full import FullSandbox
from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.off import OffSandbox
from dean_airflow.evolution.sandbox.process import Process, Stream
from dean_airflow.evolution.trial_config import SandboxRequest


class Sandbox(Protocol):
    """One level of containment."""

    @property
    def level(self) -> Literal["full", "basic", "off"]: ...

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
        ...


@dataclass(frozen=True)
class Completed:
    """A command that has ended, with nothing of it left."""

    returncode: int
    """128 + n when signal n ended it."""
    stdout: bytes
    stderr: bytes
    stopped_for: str
    """The cap it was stopped for: `wall`, `output`, `disk`, `memory` or `processes`; empty: it ended by itself.
    A memory cgroup kills by itself, which shows as 137."""

    @property
    def timed_out(self) -> bool:
        return self.stopped_for == "wall"


def choose_sandbox(request: SandboxRequest) -> Sandbox:
    """The sandbox for a request; `auto` is the strongest that works here, and never `off`.

    Raises SandboxError, in one sentence, if the wanted level cannot be had.
    """
    if request == "off":
        return OffSandbox()
    problems = []
    for sandbox in (FullSandbox(), BasicSandbox()):
        if request in ("auto", sandbox.level):
            problem = _why_not(sandbox.level)
            if not problem:
                return sandbox
            problems.append(f"`{sandbox.level}`: {problem}")
    raise SandboxError(
        f"No sandbox of the wanted level works here ({'; '.join(problems)}), and a target's code never runs "
        "without one unless the trial says `sandbox: off`."
    )


@cache
def _why_not(level: Literal["full", "basic"]) -> str:
    """Why a level does not work here; empty if it does. Tried once in a process."""
    return FullSandbox.missing() if level == "full" else BasicSandbox.missing()


def run(sandbox: Sandbox, argv: Sequence[str], jail: Jail, *, input: bytes = b"") -> Completed:
    """Run a command to its end, or until it passes the jail's deadline, output cap or disk cap.

    `input` is what it reads from stdin. Raises SandboxError if the jail cannot be built.
    """
    deadline = time.monotonic() + jail.limits.wall_seconds
    process = sandbox.popen(
        argv,
        jail,
        stdin=subprocess.PIPE if input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        output, stopped_for = _converse(process, input, jail.limits.output_mb << 20, deadline)
        if not stopped_for:
            try:
                with contextlib.suppress(SandboxError):  # Raised again below, with what was said on stderr.
                    process.wait(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                stopped_for = "wall"
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    try:
        code = process.wait()
    except SandboxError as error:
        said = output["stderr"].decode(errors="replace").strip().splitlines()
        if not said:
            raise
        raise SandboxError(f"{str(error).rstrip('.')} ({said[-1]}).") from error
    return Completed(code, output["stdout"], output["stderr"], stopped_for or process.stopped_for)


def _converse(process: Process, input: bytes, most: int, deadline: float) -> tuple[dict[str, bytes], str]:
    """Feed stdin and gather both outputs until both are closed; what was gathered, and the cap that ended it."""
    assert process.stdout is not None
    assert process.stderr is not None
    gathered = {"stdout": bytearray(), "stderr": bytearray()}
    stopped_for = ""
    left = memoryview(input)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "stdout")
        selector.register(process.stderr, selectors.EVENT_READ, "stderr")
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")
        while not stopped_for and {"stdout", "stderr"} & {key.data for key in selector.get_map().values()}:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                stopped_for = "wall"
                break
            for key, _ in selector.select(seconds):
                if key.data == "stdin":
                    left = _feed(key.fd, left)
                    if not left:
                        selector.unregister(key.fileobj)
                        process.stdin.close()  # type: ignore[union-attr]
                    continue
                chunk = os.read(key.fd, 1 << 16)
                room = most - sum(len(part) for part in gathered.values())
                gathered[key.data] += chunk[:room]
                if len(chunk) > room:
                    stopped_for = "output"
                if not chunk:
                    selector.unregister(key.fileobj)
    return {name: bytes(part) for name, part in gathered.items()}, stopped_for


def _feed(fd: int, left: memoryview) -> memoryview:
    """Write what fits; what is left then, nothing if the reader has gone."""
    try:
        return left[os.write(fd, left[: 1 << 16]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]
