"""The branches DEAN has made in its own mirrors and snapshots, and their removal.

A branch in a user's own repository is the user's: nothing here touches one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dean_airflow.evolution.outcome.edits import branch_name
from dean_airflow.evolution.target.file_lock import file_lock
from dean_airflow.evolution.target.git import run_git

_PREFIX = "refs/heads/dean/"


@dataclass(frozen=True)
class TrialBranch:
    """A trial's branch in a repository of DEAN's."""

    repository: Path
    trial_id: str


def trial_branches(cache_dir: Path) -> list[TrialBranch]:
    """Every branch `dean/<trial>` of the mirrors and snapshots under `cache_dir`. Raises TargetError: git failed."""
    found = []
    for kind in ("mirrors", "snapshots"):
        for repository in sorted((cache_dir / kind).glob("*.git")):
            listed = run_git(["for-each-ref", "--format=%(refname)", _PREFIX], repository)
            found += [TrialBranch(repository, name.removeprefix(_PREFIX)) for name in listed.split()]
    return found


def remove_branch(branch: TrialBranch) -> None:
    """Delete a branch of one of DEAN's repositories; one that is gone already is no error. Raises TargetError."""
    with file_lock(branch.repository.with_suffix(".lock")):
        run_git(["update-ref", "-d", f"refs/heads/{branch_name(branch.trial_id)}"], branch.repository)
