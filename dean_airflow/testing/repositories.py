"""Git repositories for tests: made from a mapping, with one commit, by an author that needs no configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dean_airflow.evolution.target.git import run_git

_AUTHOR = {
    "GIT_AUTHOR_NAME": "DEAN's tests",
    "GIT_AUTHOR_EMAIL": "tests@invalid",
    "GIT_COMMITTER_NAME": "DEAN's tests",
    "GIT_COMMITTER_EMAIL": "tests@invalid",
    "GIT_AUTHOR_DATE": "2025-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2025-01-01T00:00:00Z",
}
"""The same files give the same commit, whoever's machine it is."""


def git_repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository in `folder`, which is made, with these files (text by path) in one commit on `main`.

    Raises ValueError for a path that leads out of the folder, OSError if it cannot be written, TargetError if git is
    missing or refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        place = (folder / path).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise ValueError(f"The path {path!r} leads out of the repository.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    run_git(["init", "--quiet", "--initial-branch", "main"], folder)
    run_git(["add", "--all", "--force"], folder)
    run_git(["commit", "--quiet", "--allow-empty", "--message", "As the test has it"], folder, environment=_AUTHOR)
    return folder
