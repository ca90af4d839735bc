"""Mirrors of remote repositories under the cache directory: one bare repository per URL, updated under a lock.

What the remote has lies in `refs/remotes/origin/` and `refs/tags/`; `refs/heads/dean/` holds the trials' branches.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.file_lock import file_lock
from dean_airflow.evolution.target.git import PROTOCOLS, GitCredentials, GitError, run_git, succeeds

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)::?//|([a-zA-Z][a-zA-Z0-9+.-]*)::")
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//).+")


def is_url(repository: str) -> bool:
    """Whether it is a clone URL (`https://…`, `ssh://…`, `host:path`) rather than a path of this machine."""
    if _SCHEME.match(repository):
        return True
    return _SCP.fullmatch(repository) is not None and not Path(repository).exists()


def check_url(url: str) -> None:
    """Raises TargetError for a transport that is not allowed, or for a password written into the URL."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        if url.partition(":")[2].startswith("-") or url.startswith("-"):
            raise TargetError(f"{url!r} is not a clone URL.")
        return
    name = scheme[1] or scheme[2]
    if name.lower() not in PROTOCOLS or "::" in scheme[0]:
        raise TargetError(f"The transport {name!r} is not allowed for a repository; use one of {', '.join(PROTOCOLS)}.")
    parts = urlsplit(url)
    if parts.password is not None:
        raise TargetError(
            f"The URL of {parts.hostname}{parts.path} has a password in it, which would end up in logs and reports; "
            "put it into the connection `dean_git` instead."
        )
    if (parts.hostname or "").startswith("-") or (parts.username or "").startswith("-"):
        raise TargetError(f"{url!r} is not a clone URL.")


def mirror_path(url: str, cache_dir: Path) -> Path:
    """Where the mirror of `url` is, whether or not it has been made."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git"))[:40]
    return cache_dir.resolve() / "mirrors" / f"{name}-{digest}.git"


def update_mirror(url: str, cache_dir: Path, credentials: GitCredentials | None = None) -> Path:
    """The mirror of `url`, made or brought up to date. Raises TargetError when the remote cannot be read."""
    check_url(url)
    mirror = mirror_path(url, cache_dir)
    with disk_errors(TargetError, "keep a mirror", mirror.parent), file_lock(mirror.with_suffix(".lock")):
        init_bare(mirror)
        refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        fetch = ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules"]
        offered = credentials if url.startswith("https:") else None
        try:
            run_git(
                [*fetch, "--no-write-fetch-head", "--end-of-options", url, *refspecs],
                mirror,
                credentials=offered,
                remote=url,
            )
            run_git([*fetch, "--end-of-options", url, "HEAD"], mirror, credentials=offered, remote=url)
            run_git(["update-ref", "refs/remotes/origin/HEAD", "FETCH_HEAD"], mirror)
        except GitError as error:
            raise TargetError(f"The repository {url} cannot be fetched: {_reason(error)}") from None
    return mirror


def fetch_commit(url: str, commit: str, cache_dir: Path, credentials: GitCredentials | None = None) -> Path:
    """The mirror of `url`, holding `commit`: fetched only when it is not there yet. Raises TargetError."""
    mirror = mirror_path(url, cache_dir)
    if mirror.exists() and has_commit(mirror, commit):
        return mirror
    update_mirror(url, cache_dir, credentials)
    if has_commit(mirror, commit):
        return mirror
    offered = credentials if url.startswith("https:") else None
    with file_lock(mirror.with_suffix(".lock")):
        try:
            fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--end-of-options", url]
            run_git([*fetch, f"{commit}:refs/dean/commits/{commit}"], mirror, credentials=offered, remote=url)
        except GitError:
            raise TargetError(f"The repository {url} no longer has the commit {commit}.") from None
    return mirror


def init_bare(path: Path, object_format: str = "sha1") -> None:
    """An empty bare repository of DEAN's own at `path`, unless there is one; callers hold the lock."""
    if not (path / "HEAD").exists():
        path.mkdir(parents=True, exist_ok=True)
        run_git(["init", "--quiet", "--bare", f"--object-format={object_format}", "--", "."], path)


def has_commit(repository: Path, commit: str) -> bool:
    """Whether the repository holds that commit."""
    return succeeds(["cat-file", "-e", f"{commit}^{{commit}}"], repository)


def _reason(error: GitError) -> str:
    asks = ("could not read Username", "Authentication failed", "terminal prompts disabled")
    if any(sign in error.stderr for sign in asks):
        return "it asks for a login; put one into the connection `dean_git`."
    return error.reason
