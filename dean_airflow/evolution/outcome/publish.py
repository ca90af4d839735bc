"""Delivers a champion: patch and bundle among the artefacts, the branch where the user can fetch or review it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from dean_airflow.errors import PublishError, TargetError
from dean_airflow.evolution.outcome.commits import BuiltBranch, build_branch
from dean_airflow.evolution.outcome.edits import Handover
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.file_lock import file_lock
from dean_airflow.evolution.target.git import GitCredentials, GitError, run_git
from dean_airflow.evolution.target.mirror import check_url
from dean_airflow.evolution.target.resolve import repository_of
from dean_airflow.evolution.target.target import Target
from dean_airflow.evolution.trial_config import Publish


@dataclass(frozen=True)
class Published:
    """Where everything is; None for what was not wanted. Plain data: goes through the store as JSON."""

    branch: str | None = None
    commit: str | None = None
    repository: str | None = None
    """The repository on this machine that has the branch: the user's own, or DEAN's mirror or snapshot."""
    patch: str | None = None
    bundle: str | None = None
    pushed_to: str | None = None


def publish_champion(
    handover: Handover,
    mode: Publish,
    cache_dir: Path,
    artifacts: UPath,
    scratch: Path,
    *,
    bundle: Path | None = None,
    credentials: GitCredentials | None = None,
) -> Published:
    """Hand a champion over; doing it again changes nothing.

    `branch` adds the branch to the user's local repository with one fetch (for a URL or a folder: to DEAN's mirror or
    snapshot of it); `push` also pushes it to the URL, or to the local repository's `origin`, never forced; `patch`
    adds no branch; `none` hands over nothing. Patch and bundle go into `artifacts`, the trial's folder, except for
    `none`. `scratch` is an existing directory for private work, `bundle` stands in for a snapshot this machine lacks.

    Raises PublishError: there is already such a branch with other content, the repository or the artefacts cannot be
    written, the remote refuses.
    """
    if mode == "none" or not handover.edits:
        return Published()
    with (
        disk_errors(PublishError, "build the branch", scratch),
        tempfile.TemporaryDirectory(dir=scratch, prefix="publish-") as private,
    ):
        try:
            source = repository_of(handover.target, cache_dir, bundle, credentials)
            built = build_branch(handover, source, Path(private))
        except TargetError as error:
            raise PublishError(f"The branch {handover.branch} cannot be built: {error}") from error
        patch = _keep(artifacts / f"{handover.trial_id}.patch", built.patch())
        packed = _keep(
            artifacts / f"{handover.trial_id}.bundle", built.bundle(Path(private) / "branch.bundle").read_bytes()
        )
        if mode == "patch":
            return Published(commit=built.head, patch=patch, bundle=packed)
        commit = _deliver(built, source, handover.target)
        pushed_to = _push(built, source, handover.target, credentials) if mode == "push" else None
    return Published(built.branch, commit, str(source), patch, packed, pushed_to)


def _keep(place: UPath, data: bytes) -> str:
    """Write an artefact; its address."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    except OSError as error:
        raise PublishError(f"The artefact {place} cannot be written: {error.strerror or error}.") from error
    return str(place)


def _deliver(built: BuiltBranch, destination: Path, target: Target) -> str:
    """One fetch brings the branch; the commit it is at. A branch with the same content is left as it is."""
    if target.kind == "local":
        return _fetch_into(built, destination)
    with file_lock(destination.with_suffix(".lock")):
        return _fetch_into(built, destination)


def _fetch_into(built: BuiltBranch, destination: Path) -> str:
    there = _commit_of(destination, f"refs/heads/{built.branch}")
    if there is not None:
        if _tree_of(destination, there) == _tree_of(built.repository, built.head):
            return there
        raise PublishError(
            f"The repository {destination} already has a branch {built.branch} with other content; rename or delete it."
        )
    fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
    # By its commit and not its name, so that nothing else can come in under the branch's name.
    refspec = f"{built.head}:refs/heads/{built.branch}"
    try:
        run_git([*fetch, "--upload-pack=git-upload-pack", "--", str(built.repository), refspec], destination)
    except GitError as error:
        raise PublishError(f"The branch {built.branch} cannot be added to {destination}: {error.reason}") from None
    return built.head


def _push(built: BuiltBranch, source: Path, target: Target, credentials: GitCredentials | None) -> str:
    """Push that branch and nothing else; the remote's URL."""
    url = target.repository if target.kind == "url" else _origin_of(source, target)
    offered = credentials if url.startswith("https:") else None
    ref = f"refs/heads/{built.branch}"
    try:
        check_url(url)
        listed = run_git(["ls-remote", "--", url, ref], built.repository, credentials=offered, remote=url)
        if listed.split()[:1] == [built.head]:
            return url
        if listed.strip():
            raise PublishError(f"{url} already has a branch {built.branch} with other content; rename or delete it.")
        command = ["push", "--quiet", "--no-verify", "--no-follow-tags", "--receive-pack=git-receive-pack", "--"]
        run_git([*command, url, f"{built.head}:{ref}"], built.repository, credentials=offered, remote=url)
    except GitError as error:
        raise PublishError(f"The branch {built.branch} cannot be pushed to {url}: {error.reason}") from None
    except TargetError as error:
        raise PublishError(f"The branch {built.branch} cannot be pushed: {error}") from None
    return url


def _origin_of(source: Path, target: Target) -> str:
    try:
        return run_git(["config", "--get", "remote.origin.url"], source).strip()
    except GitError:
        raise PublishError(
            f"{target.repository} has no remote `origin` to push to; use `publish: branch` and push it yourself."
        ) from None


def _commit_of(repository: Path, ref: str) -> str | None:
    try:
        return run_git(["rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"], repository).strip()
    except GitError:
        return None


def _tree_of(repository: Path, commit: str) -> str:
    return run_git(["rev-parse", f"{commit}^{{tree}}"], repository).strip()
