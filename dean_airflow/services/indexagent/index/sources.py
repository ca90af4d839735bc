"""What git tracks in a repository: paths and blobs at its present commit, and the texts of blobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.git import GitCredentials, GitError, run_git, run_git_bytes
from dean_airflow.evolution.target.mirror import is_url, update_mirror

LARGEST = 512 * 1024
"""Bytes of a file that is indexed; larger ones are data, or generated."""
LONGEST_PATH = 1_000
BATCH = 400
"""Blobs read by one git process."""


@dataclass(frozen=True)
class Tracked:
    path: str
    blob: str


@dataclass(frozen=True)
class Checkout:
    """A repository as git has it: where, and its present commit."""

    folder: Path
    commit: str
    remote: bool


def checkout_of(repository: str, cache_dir: Path, credentials: GitCredentials | None = None) -> Checkout:
    """The repository of a path, or the mirror of a URL brought up to date. Raises TargetError, in one sentence."""
    if is_url(repository):
        folder, name = update_mirror(repository, cache_dir, credentials), "refs/remotes/origin/HEAD"
        return Checkout(folder, _commit(folder, name, repository), True)
    folder = Path(repository).expanduser()
    if not folder.is_dir():
        raise TargetError(f"There is no repository at {folder}.")
    return Checkout(folder, _commit(folder, "HEAD", repository), False)


def tracked_files(checkout: Checkout) -> list[Tracked]:
    """Regular files of the commit that are small enough, by path. Raises GitError."""
    listing = run_git_bytes(["ls-tree", "-r", "-z", "-l", "--full-tree", checkout.commit], checkout.folder)
    found = []
    for entry in listing.split(b"\0"):
        head, _, name = entry.partition(b"\t")
        words = head.split()
        if len(words) != 4 or words[1] != b"blob" or not words[0].startswith(b"100") or not words[3].isdigit():
            continue  # a link, a submodule
        path = name.decode("utf-8", "replace")
        if int(words[3]) <= LARGEST and len(path) <= LONGEST_PATH:
            found.append(Tracked(path, words[2].decode()))
    return found


def read_texts(checkout: Checkout, blobs: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each blob with its text, None for one that is no text. Raises GitError."""
    for start in range(0, len(blobs), BATCH):
        batch = blobs[start : start + BATCH]
        answer = run_git_bytes(["cat-file", "--batch"], checkout.folder, input="\n".join(batch).encode() + b"\n")
        yield from _parse(answer)


def _parse(answer: bytes) -> Iterator[tuple[str, str | None]]:
    position = 0
    while position < len(answer):
        end = answer.index(b"\n", position)
        words = answer[position:end].split()
        if len(words) != 3:  # "<name> missing"
            yield words[0].decode(), None
            position = end + 1
            continue
        size = int(words[2])
        content = answer[end + 1 : end + 1 + size]
        yield (
            words[0].decode(),
            None if b"\0" in content[:8192] else content.decode("utf-8", "replace").replace("\0", ""),
        )
        position = end + 1 + size + 1


def _commit(folder: Path, name: str, repository: str) -> str:
    try:
        return run_git(["rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}"], folder).strip()
    except GitError as error:
        raise TargetError(f"{repository} cannot be indexed: {error.reason}") from None
