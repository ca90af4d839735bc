"""From what the user wrote (path or URL, ref, subfolder) to a target: a repository at one commit."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.git import GitCredentials, GitError, filters_off, run_git
from dean_airflow.evolution.target.mirror import check_url, fetch_commit, has_commit, is_url, update_mirror
from dean_airflow.evolution.target.snapshot import read_bundle, snapshot_folder, snapshot_path
from dean_airflow.evolution.target.target import Target
from dean_airflow.evolution.trial_config import TrialConfig


def resolve(config: TrialConfig, cache_dir: Path, credentials: GitCredentials | None = None) -> Target:
    """The target a trial works on; the repository itself is only read.

    A path with a git repository is worked on at `config.ref` (default: what is checked out); a path inside one is its
    subfolder; any other folder is snapshotted into a repository under `cache_dir`; a URL is mirrored there.
    Raises TargetError, in one sentence, for everything that cannot be worked on.
    """
    repository = config.repository.strip()
    _refuse_option("repository", repository)
    _refuse_option("ref", config.ref)
    subfolder = _clean_subfolder(config.subfolder)
    if is_url(repository):
        target = _resolve_url(repository, config.ref, subfolder, cache_dir, credentials)
    else:
        target = _resolve_path(repository, config.ref, subfolder, cache_dir)
    _refuse_unusable(target, repository_of(target, cache_dir))
    return target


def repository_of(
    target: Target, cache_dir: Path, bundle: Path | None = None, credentials: GitCredentials | None = None
) -> Path:
    """The repository on this machine that holds the target's commit: the user's own, the mirror, or the snapshot.

    `bundle` stands in for a snapshot this machine does not have. Raises TargetError when the commit cannot be had.
    """
    if target.kind == "url":
        return fetch_commit(target.repository, target.commit, cache_dir, credentials)
    path = Path(target.repository)
    if target.kind == "folder":
        repository = snapshot_path(path, cache_dir)
        if repository.exists() and has_commit(repository, target.commit):
            return repository
        if bundle is not None:
            return read_bundle(bundle, path, target.commit, cache_dir)
        raise TargetError(f"The snapshot of {path} is not on this machine; run the trial where the folder is.")
    if not path.is_dir():
        raise TargetError(f"The repository {path} is not on this machine; share its disk or name it by a clone URL.")
    if not has_commit(path, target.commit):
        raise TargetError(f"The repository {path} no longer has the commit {target.commit}.")
    return path


def _resolve_url(url: str, ref: str, subfolder: str, cache_dir: Path, credentials: GitCredentials | None) -> Target:
    check_url(url)
    mirror = update_mirror(url, cache_dir, credentials)
    names = [f"refs/remotes/origin/{ref or 'HEAD'}", *([f"refs/tags/{ref}", ref] if ref else [])]
    for name in names:
        commit = _commit_of(mirror, name)
        if commit:
            return Target(url, "url", commit, ref, subfolder)
    if len(ref) in (40, 64) and all(letter in "0123456789abcdef" for letter in ref):
        fetch_commit(url, ref, cache_dir, credentials)
        return Target(url, "url", ref, ref, subfolder)
    raise _unknown_ref(url, ref)


def _resolve_path(repository: str, ref: str, subfolder: str, cache_dir: Path) -> Target:
    path = Path(repository).expanduser()
    if not path.exists():
        raise TargetError(f"There is no repository at {path}; check the path, or give a clone URL.")
    if not path.is_dir():
        raise TargetError(f"{path} is a file; name the repository's folder instead.")
    path = path.resolve()
    top = _top_of(path)
    if top is None:
        return _resolve_folder(path, ref, subfolder, cache_dir)
    inner = "" if top == path else path.relative_to(top).as_posix()
    commit = _commit_of(top, ref or "HEAD")
    if commit is None and not ref:
        raise TargetError(f"The repository {top} has no commit yet; commit something first.")
    if commit is None:
        raise _unknown_ref(str(top), ref)
    if inner and not _exists(top, commit, inner):
        # Inside somebody's repository but not part of it, such as an ignored scratch folder.
        return _resolve_folder(path, ref, subfolder, cache_dir)
    inner = _clean_subfolder("/".join(part for part in (inner, subfolder) if part))
    return Target(str(top), "local", commit, ref, inner, _notes(top, commit, ref, inner))


def _resolve_folder(path: Path, ref: str, subfolder: str, cache_dir: Path) -> Target:
    if ref:
        raise TargetError(f"{path} is not a git repository, so it has no ref {ref!r}; leave `ref` empty.")
    _, commit = snapshot_folder(path, cache_dir)
    note = f"{path} is not a git repository: the trial works on a snapshot of it, and the branch is in DEAN's own copy."
    return Target(str(path), "folder", commit, "", subfolder, (note,))


def _top_of(path: Path) -> Path | None:
    """The repository `path` is in: its work tree's top, or itself when bare; None when it is in none."""
    try:
        bare = run_git(["rev-parse", "--is-bare-repository"], path).strip() == "true"
        if bare:
            return Path(run_git(["rev-parse", "--absolute-git-dir"], path).rstrip("\n"))
        return Path(run_git(["rev-parse", "--show-toplevel"], path).rstrip("\n"))
    except GitError as error:
        if "dubious ownership" in error.stderr:
            raise TargetError(
                f"The repository {path} belongs to another user, so git refuses it; "
                f"allow it with `git config --global --add safe.directory {path}`."
            ) from None
        if "not a git repository" in error.stderr and not (path / ".git").exists():
            return None
        raise TargetError(f"{path} is not a usable git repository: {error.reason}") from None


def _commit_of(repository: Path, ref: str) -> str | None:
    try:
        return run_git(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], repository
        ).split()[-1]
    except GitError:
        return None


def _notes(top: Path, commit: str, ref: str, subfolder: str) -> tuple[str, ...]:
    """A sentence when what is on disk differs from what is committed: only the commit is worked on."""
    if not (top / ".git").exists():
        return ()
    arguments = ["status", "--porcelain", "--null", "--untracked-files=normal", "--ignore-submodules=all", "--"]
    try:
        changed = [
            line for line in run_git([*arguments, subfolder or "."], top, config=filters_off(top)).split("\0") if line
        ]
    except GitError:
        return ()
    if not changed:
        return ()
    count = "1 file" if len(changed) == 1 else f"{len(changed)} files"
    at = f"{ref} ({commit[:12]})" if ref else commit[:12]
    return (f"{top} has uncommitted changes ({count}); the trial works on the commit {at} without them.",)


def _refuse_unusable(target: Target, repository: Path) -> None:
    prefix = f"{target.subfolder}/" if target.subfolder else ""
    if target.subfolder and not _exists(repository, target.commit, target.subfolder):
        raise TargetError(
            f"{target.repository} has no folder {target.subfolder!r} at {target.ref or target.commit[:12]}."
        )
    listing = run_git(["ls-tree", "-r", "--name-only", "--full-tree", "-z", target.commit], repository)
    names = [name for name in listing.split("\0") if name.startswith(prefix)]
    if not any(name.endswith(".py") for name in names):
        where = f"the folder {target.subfolder!r} of {target.repository}" if prefix else target.repository
        raise TargetError(f"There is no Python file in {where}, and DEAN improves Python code only.")


def _exists(repository: Path, commit: str, folder: str) -> bool:
    try:
        return run_git(["cat-file", "-t", f"{commit}:{folder}"], repository).strip() == "tree"
    except GitError:
        return False


def _refuse_option(name: str, value: str) -> None:
    if value.startswith("-") or any(ord(letter) < 32 or letter == "\x7f" for letter in value):
        raise TargetError(f"{value!r} is not a usable {name}: it starts with a dash or has control characters in it.")


def _clean_subfolder(subfolder: str) -> str:
    path = PurePosixPath(subfolder.strip().replace("\\", "/"))
    if path.is_absolute() or {"..", ".git"} & set(path.parts) or "\0" in subfolder:
        raise TargetError(f"The subfolder {subfolder!r} is outside the repository; give a path relative to its top.")
    return "" if str(path) == "." else str(path)


def _unknown_ref(repository: str, ref: str) -> TargetError:
    return TargetError(f"{repository} has no branch, tag or commit {ref!r}.")
