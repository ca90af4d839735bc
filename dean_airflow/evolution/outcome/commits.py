"""Builds a champion's commits in a private repository that borrows the target's objects."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dean_airflow.errors import PublishError
from dean_airflow.evolution.outcome.edits import ChampionEdit, Handover, commit_message
from dean_airflow.evolution.target.fetch import borrow_objects, export
from dean_airflow.evolution.target.git import git_identity, run_git, run_git_bytes

DEAN_IDENTITY = ("DEAN", "dean@localhost")
"""Who commits where the user has set no identity."""


@dataclass(frozen=True)
class BuiltBranch:
    """The finished branch in a repository that goes away with its scratch directory."""

    repository: Path
    branch: str
    base: str
    head: str

    def patch(self) -> bytes:
        """Every commit as a mail-formatted patch, for `git am` or `git apply`."""
        return run_git_bytes(
            ["format-patch", "--stdout", "--no-signature", "--full-index", "--binary", f"{self.base}..{self.head}"],
            self.repository,
        )

    def bundle(self, destination: Path) -> Path:
        """The branch in one file, for `git fetch <file> <branch>` in a clone that has the base commit."""
        wanted = [f"^{self.base}", f"refs/heads/{self.branch}"]
        run_git(["bundle", "create", "--quiet", str(destination.resolve()), *wanted], self.repository)
        return destination


def build_branch(handover: Handover, source: Path, scratch: Path) -> BuiltBranch:
    """The branch with one commit per edit, made in `scratch` from the objects of `source`; `source` is only read.

    Raises PublishError when an edit changes nothing or a file that is not a plain file of the commit, TargetError
    when git cannot read the source.
    """
    target = handover.target
    repository, tree = borrow_objects(source, scratch / "branch.git"), scratch / "branch-tree"
    tree.mkdir()
    export(repository, target.commit, tree)
    name, email = git_identity(source) or DEAN_IDENTITY
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", email), ("DATE", f"@{handover.timestamp} +0000"))
    }
    head = target.commit
    for edit in handover.edits:
        head = _commit(edit, handover, repository, tree, head, who)
    run_git(["update-ref", f"refs/heads/{handover.branch}", head], repository)
    return BuiltBranch(repository, handover.branch, target.commit, head)


def _commit(
    edit: ChampionEdit, handover: Handover, repository: Path, tree: Path, parent: str, who: dict[str, str]
) -> str:
    where = {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(tree)}
    config = {"core.bare": "false", "core.fileMode": "true", "core.safecrlf": "false"}
    for path, text in edit.files.items():
        name = str(PurePosixPath(handover.target.subfolder) / path)
        file = _plain_file(tree, name)
        unconverted = file.read_bytes() == run_git_bytes(["cat-file", "blob", f"{parent}:{name}"], repository)
        file.write_bytes(text.encode())
        if unconverted:
            # The repository holds this file as it lies on disk, whatever its attributes say about line endings.
            blob = run_git(["hash-object", "-w", "--no-filters", "--stdin"], repository, input=text.encode()).strip()
            mode = "100755" if os.access(file, os.X_OK) else "100644"
            run_git(["update-index", "--cacheinfo", f"{mode},{blob},{name}"], tree, environment=where, config=config)
        else:
            run_git(["add", "--", name], tree, environment=where, config=config)
    written = run_git(["write-tree"], tree, environment=where, config=config).strip()
    if written == run_git(["rev-parse", f"{parent}^{{tree}}"], repository).strip():
        raise PublishError(f"The edit '{edit.text}' changes nothing, so it cannot become a commit.")
    message = commit_message(edit, handover.trial_id).encode()
    return run_git(["commit-tree", written, "-p", parent], repository, input=message, environment=who).strip()


def _plain_file(tree: Path, name: str) -> Path:
    path = PurePosixPath(name)
    file = tree / path
    outside = path.is_absolute() or ".." in path.parts or file.resolve() != tree.resolve() / path
    if outside or not file.is_file():
        raise PublishError(f"The champion changes {name}, which is not a plain file of the target.")
    return file
