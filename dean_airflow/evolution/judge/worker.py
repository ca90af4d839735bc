"""A worker process in the sandbox, seen from the judge: requests out, answers in, dead or alive."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from dean_airflow.errors import BaselineError, SandboxError
from dean_airflow.evolution.sandbox.jail import Jail, Limits
from dean_airflow.evolution.sandbox.sandbox import Sandbox
from dean_airflow.evolution.target.target import Environment
from dean_airflow.evolution.worker import wire

HARNESS = Path(__file__).resolve().parent.parent / "worker"
GRACE = 10.0
"""Seconds the zygote gets beyond the limit it was told, before the whole worker is taken for dead."""

Answer = dict[str, Any]


class WorkerDied(Exception):
    """The process ended, hung or broke the protocol; what was being judged is undecided."""


class RequestFailed(Exception):
    """The worker is well, the request is not: a child died, took too long or raised."""


@dataclass(frozen=True)
class Workshop:
    """Everything needed to start workers on one tree of one target."""

    sandbox: Sandbox
    environment: Environment
    project: Path
    """The tree whose code is imported."""
    roots: tuple[str, ...]
    """Directories relative to the project that go on the import path."""
    scratch: Path
    """Where workers may write; each gets a directory of its own in it."""
    limits: Limits = field(default_factory=Limits)
    writable_project: bool = False
    """Tests of a whole suite may write beside themselves; then the tree must be a throw-away copy."""

    def on(self, project: Path, *, writable: bool = False) -> Workshop:
        """The same for another tree of the same target."""
        return replace(self, project=project, writable_project=writable)

    def copy_tree(self, name: str, files: dict[str, str]) -> Path:
        """A fresh copy of the project under scratch with `files` written into it. Raises SandboxError if it does not
        fit there."""
        tree = self.make_room(name) / self.project.name
        try:
            shutil.copytree(self.project, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            for path, text in files.items():
                (tree / path).write_bytes(text.encode())
        except OSError as error:
            shutil.rmtree(tree.parent, ignore_errors=True)
            raise _no_room(self.scratch, error) from None
        return tree

    def make_room(self, name: str) -> Path:
        """A new directory under scratch. Raises SandboxError."""
        try:
            return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch))
        except OSError as error:
            raise _no_room(self.scratch, error) from None


def _no_room(scratch: Path, error: OSError) -> SandboxError:
    reason = error.strerror or "not every file could be copied"
    return SandboxError(f"The scratch directory {scratch} cannot be used ({reason}): free space there, or move it.")


class Worker:
    """One zygote and its children. Close it, or use it in a `with`."""

    def __init__(
        self, workshop: Workshop, order: dict[str, Any], hash_seed: int = 0, start_limit: float = 120.0
    ) -> None:
        """Starts and waits until the target is imported. Raises BaselineError if that fails, WorkerDied if it ends."""
        self.workshop = workshop
        self.over = False
        """Whether it has said that it takes no further request: something of a candidate's outlived it in there."""
        self.room = workshop.make_room("worker")
        self._connection, theirs = socket.socketpair()
        self._log = (self.room / "stderr").open("w+b")
        try:
            self._process = workshop.sandbox.popen(
                [str(workshop.environment.python), "-s", "-P", str(HARNESS / "main.py"), str(theirs.fileno())],
                self._jail(hash_seed),
                pass_fds=[theirs.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=self._log.fileno(),
            )
        finally:
            theirs.close()
        try:
            self.ready = self._start(order, start_limit)
        except BaseException:
            self.close()
            raise

    def _jail(self, hash_seed: int) -> Jail:
        shop = self.workshop
        return Jail(
            readable=(*shop.environment.readable, HARNESS, *(() if shop.writable_project else (shop.project,))),
            writable=(self.room, *((shop.project,) if shop.writable_project else ())),
            cwd=shop.project,
            environment=jail_environment(shop.environment, self.room, hash_seed),
            limits=shop.limits,
        )

    def _start(self, order: dict[str, Any], limit: float) -> Answer:
        shop = self.workshop
        roots = [str(shop.project / root) if root else str(shop.project) for root in shop.roots]
        try:
            answer = self._exchange({**order, "project": str(shop.project), "roots": roots}, limit)
        except WorkerDied as error:
            raise WorkerDied(f"{error}{self._last_words()}") from None
        if not answer["ok"]:
            raise BaselineError(f"The target cannot be measured: {answer['error']}.")
        return answer

    def request(self, op: str, limit: float, **fields: Any) -> Answer:
        """One answer, within `limit` seconds a run of the workload and a grace.

        Raises RequestFailed when the zygote says so, WorkerDied when it says nothing.
        """
        answer = self._exchange({"op": op, "limit": limit, **fields}, limit * _runs(fields) + GRACE)
        self.over = bool(answer.get("last"))
        if not answer.get("ok"):
            raise RequestFailed(str(answer.get("error", "no reason given")))
        return answer

    def _exchange(self, message: dict[str, Any], limit: float) -> Answer:
        self._connection.settimeout(limit)
        try:
            wire.send(self._connection, message)
            return wire.receive(self._connection)
        except TimeoutError:
            raise WorkerDied("The worker did not answer in time") from None
        except wire.WireClosed as error:
            raise WorkerDied(f"The worker ended ({error})") from None

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            self._log.seek(0)
            lines = self._log.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
            return f": {lines[-1]}" if lines else ""
        return ""

    def close(self) -> None:
        """Kills everything of it and removes its directory. May be called twice."""
        self._connection.close()
        self._process.kill()
        self._log.close()
        shutil.rmtree(self.room, ignore_errors=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def jail_environment(environment: Environment, room: Path, hash_seed: int = 0) -> dict[str, str]:
    """The whole environment of a process of the target: nothing of ours is inherited."""
    one_thread = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
    return {
        "PATH": os.pathsep.join([str(environment.python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(room),
        "TMPDIR": str(room),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "1",  # test tools then choose repeatability: hypothesis takes fixed examples and no deadlines
        **{f"{name}_NUM_THREADS": "1" for name in one_thread},
    }


def _runs(fields: dict[str, Any]) -> int:
    return 2 * len(fields["seeds"]) if isinstance(fields.get("seeds"), Sequence) else 1
