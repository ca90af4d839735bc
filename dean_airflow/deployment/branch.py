"""A deployment as a branch of a repository has it: what a champion improved, before anybody merges it."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from dean_airflow.errors import DeploymentError, TargetError
from dean_airflow.evolution.target.git import run_git_bytes


@contextmanager
def checked_out(repository: str, branch: str, folder: str = "") -> Iterator[Path]:
    """The branch's files in a directory of their own until the block ends, or the folder of them that is named.

    Nothing of the repository is changed. Raises DeploymentError: no such repository, branch or folder on this machine.
    """
    root = Path(repository).expanduser()
    inside = PurePosixPath(folder or ".")
    if not root.is_dir():
        raise DeploymentError(f"{repository} is no repository on this machine; the branch {branch} is in it.")
    if not branch or branch.startswith("-"):
        raise DeploymentError(f"{branch!r} is no branch.")
    if inside.is_absolute() or ".." in inside.parts:
        raise DeploymentError(f"{folder!r} is no folder inside the repository.")
    try:
        archive = run_git_bytes(["archive", "--format=tar", branch], root)
    except TargetError as error:
        raise DeploymentError(f"The branch {branch} of {repository} cannot be read: {error}") from None
    with tempfile.TemporaryDirectory(prefix="dean-branch-") as name:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(name, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise DeploymentError(f"The branch {branch} of {repository} cannot be unpacked: {error}.") from None
        found = Path(name, inside)
        if not found.is_dir():
            raise DeploymentError(f"The branch {branch} of {repository} has no folder {folder}.")
        yield found
