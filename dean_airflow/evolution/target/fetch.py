"""A private working tree of a target: its files at the commit, without any `.git` a target's code could tamper with."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.git import GitCredentials, GitError, run_git
from dean_airflow.evolution.target.mirror import init_bare
from dean_airflow.evolution.target.resolve import repository_of
from dean_airflow.evolution.target.snapshot import snapshot_path, write_bundle
from dean_airflow.evolution.target.target import Checkout, Target


def fetch(
    target: Target,
    destination: Path,
    cache_dir: Path,
    bundle: Path | None = None,
    credentials: GitCredentials | None = None,
) -> Checkout:
    """The target's files at its commit, written under `destination` (made when absent, must be empty).

    Symbolic links are kept as they are; submodules are left empty. Raises TargetError.
    """
    destination, cache_dir = destination.resolve(), cache_dir.resolve()
    source = repository_of(target, cache_dir, bundle, credentials)
    with disk_errors(TargetError, "check the target out", destination):
        destination.mkdir(parents=True, exist_ok=True)
        if any(destination.iterdir()):
            raise TargetError(f"The target cannot be checked out into {destination}, which is not empty.")
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".dean-git-") as scratch:
            private = borrow_objects(source, Path(scratch) / "objects.git")
            export(private, target.commit, destination)
    project = destination / target.subfolder if target.subfolder else destination
    if not project.is_dir() or not project.resolve().is_relative_to(destination.resolve()):
        raise TargetError(f"{target.repository} has no folder {target.subfolder!r} of its own.")
    return Checkout(destination, project, version_of(source, target.commit, project))


def snapshot_bundle(target: Target, cache_dir: Path) -> Path | None:
    """For a plain folder: a bundle of its snapshot, to be put with the trial's artefacts; None for a repository."""
    if target.kind != "folder":
        return None
    repository = snapshot_path(Path(target.repository), cache_dir)
    return write_bundle(repository, target.commit, cache_dir / "bundles" / f"{target.commit}.bundle")


def borrow_objects(source: Path, private: Path) -> Path:
    """A bare repository of our own at `private` that reads the objects of `source` in place: instant at any size."""
    objects = source / run_git(["rev-parse", "--git-path", "objects"], source).rstrip("\n")
    shallow = source / run_git(["rev-parse", "--git-path", "shallow"], source).rstrip("\n")
    init_bare(private, run_git(["rev-parse", "--show-object-format"], source).strip())
    alternates = private / "objects" / "info" / "alternates"
    alternates.parent.mkdir(parents=True, exist_ok=True)
    alternates.write_text(f"{objects.resolve()}\n", encoding="utf-8")
    if shallow.exists():
        (private / "shallow").write_bytes(shallow.read_bytes())
    return private


def export(repository: Path, commit: str, destination: Path) -> None:
    """Write the files of a commit into a folder; `repository` is one of ours, so no filter driver is defined."""
    where = {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(destination)}
    config = {"core.bare": "false", "core.symlinks": "true", "core.fileMode": "true"}
    try:
        run_git(["read-tree", commit], destination, environment=where, config=config)
        run_git(["checkout-index", "--all", "--force", "--quiet"], destination, environment=where, config=config)
    except GitError as error:
        raise TargetError(f"The commit {commit} cannot be checked out: {error.reason}") from None


def version_of(repository: Path, commit: str, project: Path) -> str:
    """The version to build the target as, for build tools that would ask git: PKG-INFO's, else from `git describe`.

    `1.2.3` at a tag, `1.2.3.post4` four commits later, `0.0.0` without either.
    """
    metadata = project / "PKG-INFO"
    if metadata.is_file():
        found = re.search(r"^Version:\s*(\S+)", metadata.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return found[1]
    try:
        described = run_git(
            ["describe", "--tags", "--long", "--match", "*[0-9]*", "--end-of-options", commit], repository
        ).strip()
    except GitError:
        return "0.0.0"
    tag, distance, _ = described.rsplit("-", 2)
    number = re.search(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?", tag)
    base = number[0] if number else "0.0.0"
    return base if distance == "0" or ".post" in base else f"{base}.post{distance}"
