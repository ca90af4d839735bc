"""What a jailed process may see and use; the same description serves every level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.index import IndexAccess
from dean_airflow.evolution.sandbox.readable import home_directory


@dataclass(frozen=True)
class Limits:
    """Caps on one jail. Every number is positive."""

    cpu_seconds: int = 600
    """CPU time of any one process."""
    memory_mb: int = 2048
    """All processes together; each one's address space too where no memory cgroup can be made."""
    processes: int = 256
    """Processes and threads alive at once, those the sandbox itself needs included (at most three)."""
    file_mb: int = 512
    """Size of any one file."""
    disk_mb: int = 1024
    """Growth of the writable directories together, and at `full` the size of `/tmp` besides."""
    output_mb: int = 16
    """stdout and stderr together, as `run` reads them."""
    wall_seconds: float = 600.0
    """Deadline of `run`; a process started with `popen` is its caller's to stop."""


@dataclass(frozen=True)
class Jail:
    """Directories (absolute, the same path inside and outside), environment and caps of one jailed command."""

    readable: tuple[Path, ...]
    """Beside the system's libraries and the base interpreter, which every jail can read."""
    writable: tuple[Path, ...]
    """Existing directories; they lie on the host's disk and stay after the jail is gone."""
    cwd: Path
    environment: Mapping[str, str]
    """The whole environment: nothing is added but what `index` needs, and bubblewrap's PWD. Point TMPDIR into a
    writable directory, because `/tmp` exists at `full` only."""
    limits: Limits = field(default_factory=Limits)
    index: IndexAccess | None = None
    """Network to the package index; None: no network at all."""

    def __post_init__(self) -> None:
        """Raises SandboxError for a directory that is relative, missing, or would open more than a target's."""
        for path in (*self.readable, *self.writable, self.cwd):
            if not path.is_absolute():
                raise SandboxError(f"The sandbox cannot use {path}: only absolute paths mean the same inside.")
        home = home_directory().resolve()
        for path in (*self.readable, *self.writable):
            real = path.resolve()
            if home.is_relative_to(real):
                raise SandboxError(
                    f"The sandbox will not open {path} to a target: it holds the home directory {home}; "
                    "name a directory further down."
                )
        for path in self.writable:
            if not path.is_dir():
                raise SandboxError(f"The sandbox cannot make {path} writable: it is not an existing directory.")
