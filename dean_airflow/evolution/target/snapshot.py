"""Plain folders as repositories: a snapshot of the folder in a repository of DEAN's, the folder itself untouched.

A snapshot is a commit without parent, with a fixed author and date, so equal contents are the same commit.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.file_lock import file_lock
from dean_airflow.evolution.target.git import GitError, run_git
from dean_airflow.evolution.target.mirror import has_commit, init_bare

MAX_FILES = 20_000
"""A folder with more is most likely not a project but a home directory; snapshotting it would take minutes."""

_DIRECTORIES_LEFT_OUT = frozenset(
    {
        *("__pycache__", ".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", "node_modules", ".eggs"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    }
)
_LEFT_OUT = (*sorted(_DIRECTORIES_LEFT_OUT), "*.py[co]", ".coverage", ".DS_Store")
_AUTHOR = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "DEAN"), ("EMAIL", "dean@localhost"), ("DATE", "@0 +0000"))
}


def snapshot_path(folder: Path, cache_dir: Path) -> Path:
    """Where the snapshots of `folder` are kept."""
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name)[:40]
    return cache_dir.resolve() / "snapshots" / f"{name}-{digest}.git"


def snapshot_folder(folder: Path, cache_dir: Path) -> tuple[Path, str]:
    """(repository, commit) of what the folder holds now, caches and virtual environments left out.

    Raises TargetError: too many files, unreadable files, a full disk.
    """
    _refuse_huge(folder)
    repository = snapshot_path(folder, cache_dir)
    with (
        disk_errors(TargetError, "keep a snapshot", repository.parent),
        file_lock(repository.with_suffix(".lock")),
    ):
        init_bare(repository)
        info = repository / "info"
        info.mkdir(exist_ok=True)
        (info / "exclude").write_text("\n".join(_LEFT_OUT) + "\n", encoding="utf-8")
        with tempfile.TemporaryDirectory(dir=repository) as scratch:
            where = {
                "GIT_DIR": str(repository),
                "GIT_WORK_TREE": str(folder.resolve()),
                "GIT_INDEX_FILE": str(Path(scratch) / "index"),
            }
            # A bare repository refuses a work tree unless told that it has one.
            bare = {"core.bare": "false", "advice.addEmbeddedRepo": "false", "core.fileMode": "true"}
            try:
                run_git(["add", "--all", "--", "."], folder.resolve(), environment=where, config=bare)
                tree = run_git(["write-tree"], folder.resolve(), environment=where, config=bare).strip()
            except GitError as error:
                raise TargetError(f"The folder {folder} cannot be snapshotted: {error.reason}") from None
        message = b"Snapshot taken by DEAN\n"
        commit = run_git(["commit-tree", tree], repository, input=message, environment=_AUTHOR).strip()
        run_git(["update-ref", f"refs/dean/snapshots/{commit}", commit], repository)
    return repository, commit


def write_bundle(repository: Path, commit: str, destination: Path) -> Path:
    """A bundle of one snapshot, for workers that do not share this disk. Raises TargetError."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    run_git(["bundle", "create", "--quiet", str(destination.resolve()), f"refs/dean/snapshots/{commit}"], repository)
    return destination


def read_bundle(bundle: Path, folder: Path, commit: str, cache_dir: Path) -> Path:
    """The snapshot repository of `folder` with the bundle's commit in it. Raises TargetError."""
    repository = snapshot_path(folder, cache_dir)
    with (
        disk_errors(TargetError, "keep a snapshot", repository.parent),
        file_lock(repository.with_suffix(".lock")),
    ):
        init_bare(repository)
        ref = f"refs/dean/snapshots/{commit}"
        run_git(
            ["fetch", "--quiet", "--no-tags", "--end-of-options", str(bundle.resolve()), f"{ref}:{ref}"],
            repository,
        )
    if not has_commit(repository, commit):
        raise TargetError(f"The bundle {bundle} does not hold the snapshot {commit}.")
    return repository


def _refuse_huge(folder: Path) -> None:
    count, python = 0, 0
    for _, directories, files in os.walk(folder):
        directories[:] = [name for name in directories if name not in _DIRECTORIES_LEFT_OUT]
        count += len(files)
        python += sum(name.endswith(".py") for name in files)
        if count > MAX_FILES:
            raise TargetError(
                f"The folder {folder} holds more than {MAX_FILES} files; name the project's own folder instead."
            )
    if not python:
        raise TargetError(f"There is no Python file in {folder}, and DEAN improves Python code only.")
