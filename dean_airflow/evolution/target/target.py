"""The thing a trial improves: a repository at a commit, and how it is installed, tested and measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

WorkloadKind = Literal["callable", "pytest", "command", "suite"]


@dataclass(frozen=True)
class Target:
    """A repository at one commit. Plain data: goes through the store as JSON (`vars()`)."""

    repository: str
    """As the user wrote it: a path or a clone URL."""
    kind: Literal["local", "url", "folder"]
    """`local`: a git repository on disk; `folder`: a plain folder, snapshotted into a repository of DEAN's."""
    commit: str
    ref: str = ""
    subfolder: str = ""
    notes: tuple[str, ...] = ()
    """Sentences for the report, such as that uncommitted changes are not part of the trial."""


@dataclass(frozen=True)
class Checkout:
    """A private working tree of a target, in a directory that goes with the task; it has no `.git`."""

    root: Path
    """The repository's top."""
    project: Path
    """root, or its subfolder: what is installed, tested and changed."""
    version: str = "0.0.0"
    """What to build it as, for build tools that would ask git."""


@dataclass(frozen=True)
class Workload:
    """What is measured.

    kind `callable`: spec `module:callable`, called with a fresh integer seed if it takes one argument named `seed`;
    `pytest`: spec is pytest arguments selecting tests that use pytest-benchmark's `benchmark` fixture;
    `command`: spec is shell words run in the project; the last number it prints is its cost (lower is better);
    `suite`: the test suite itself, its wall time is the cost.
    """

    kind: WorkloadKind
    spec: str


@dataclass(frozen=True)
class TargetSettings:
    """How a target is installed, tested and measured, after params, its own settings and detection are merged."""

    install: tuple[str, ...]
    """Arguments for pip; empty: nothing to install (pytest is always there)."""
    tests: tuple[str, ...] | None
    """pytest arguments; None: the target has no tests."""
    deselect: tuple[str, ...]
    workload: Workload
    files: tuple[str, ...]
    """Files that may change: existing Python files relative to the project, tests and benchmarks excluded."""
    source_roots: tuple[str, ...]
    """Directories relative to the project that go on the import path, in order (such as `src`, ``)."""
    skipped_files: tuple[str, ...] = ()
    """Files that matched but cannot be parsed, with the reason (a sentence each)."""
    objectives: dict[str, float] = field(default_factory=dict)
    """Weights the target's own settings ask for; empty: the trial's."""
    generations: int | None = None
    """What the target's own settings ask for; None: the trial's."""
    origins: dict[str, str] = field(default_factory=dict)
    """Setting name → where it came from (params, pyproject.toml, dean.yaml, detected), for the report."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TargetSettings:
        """The settings whose `dataclasses.asdict` (after JSON) is `data`."""
        tuples = ("install", "deselect", "files", "source_roots", "skipped_files")
        fixed = {name: tuple(data[name]) for name in tuples}
        tests = None if data["tests"] is None else tuple(data["tests"])
        return cls(**{**data, **fixed, "tests": tests, "workload": Workload(**data["workload"])})


@dataclass(frozen=True)
class Environment:
    """The target's own virtual environment, built once and cached by content."""

    python: Path
    readable: tuple[Path, ...]
    """Directories a jailed process must be able to read for this interpreter to run."""
    overlay: Path | None = None
    """Files that building the target made (versions, extensions), laid out like the project; None: none."""
