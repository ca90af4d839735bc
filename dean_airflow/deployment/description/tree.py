"""The files of a deployment directory, each read once and within bounds."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dean_airflow.deployment.place import Place
from dean_airflow.errors import DeploymentError

MAX_FILES = 20_000
MAX_BYTES = 4 * 1024 * 1024
"""What is longer is no configuration; it is not read, and a compose or env file of that size is an error."""

NEVER_ENTERED = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"}
    | {".pytest_cache", ".tox", ".nox", ".idea", ".vscode", "site-packages", ".terraform", ".dean"}
)

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Source:
    """One file: its name relative to the deployment, and its bytes."""

    path: Path
    name: str
    data: bytes
    mode: int

    @cached_property
    def mark(self) -> str | None:
        """The encoding that a byte-order mark at its begin names, None without one."""
        return next((encoding for mark, encoding in _MARKS if self.data.startswith(mark)), None)

    @cached_property
    def text(self) -> str:
        """Decoded as well as can be, with Unix line ends, so that every check can go on."""
        text = self.data.decode(self.mark or "utf-8", errors="replace")
        return text.replace("\r\n", "\n").replace("\x00", "")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def at(self, line: int | None = None) -> Place:
        return Place(self.name, line)


class Tree:
    """A deployment directory. Raises DeploymentError if it is none, cannot be read or holds too many files."""

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.expanduser().resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise DeploymentError(f"There is no deployment directory {root}; name an existing one.") from None
        if not self.root.is_dir():
            raise DeploymentError(f"{root} is a file; name the directory that holds the deployment.")
        self._sources: dict[Path, Source | None] = {}

    @cached_property
    def files(self) -> list[Path]:
        """Every regular file below the directory, by name; symbolic links that lead out of it are left out."""
        return sorted(self._walk())

    @cached_property
    def escapes(self) -> list[Path]:
        """Symbolic links below the directory that lead out of it; nothing behind them is read."""
        self.files  # noqa: B018 - walking finds them
        return sorted(self._escapes)

    def _walk(self) -> Iterator[Path]:
        self._escapes: list[Path] = []
        count = 0
        for folder, folders, files in os.walk(self.root, onerror=_refuse):
            folders[:] = sorted(name for name in folders if name not in NEVER_ENTERED)
            for name in [*files, *folders]:
                path = Path(folder, name)
                if path.is_symlink() and not self._stays_inside(path):
                    self._escapes.append(path)
                elif name in files and path.is_file():
                    count += 1
                    if count > MAX_FILES:
                        raise DeploymentError(
                            f"{self.root} holds more than {MAX_FILES} files; name a smaller directory."
                        )
                    yield path

    def _stays_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False

    def name(self, path: Path) -> str:
        """How a path is called in findings: relative to the deployment, with `..` for what lies beside it."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """A path as written in a file of `base`, made absolute; `~` is the caller's home."""
        return Path(os.path.normpath((base or self.root) / Path(text).expanduser()))

    def is_escape(self, path: Path) -> bool:
        """Whether a path that looks inside is led out by a symbolic link."""
        return path.is_relative_to(self.root) and not self._stays_inside(path)

    def source(self, path: Path) -> Source | None:
        """The file, None where it is missing, no regular file, unreadable, too long or led out of the directory."""
        if path not in self._sources:
            self._sources[path] = self._read(path)
        return self._sources[path]

    def _read(self, path: Path) -> Source | None:
        try:
            if self.is_escape(path):
                return None
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                return None
            return Source(path, self.name(path), path.read_bytes(), stat.S_IMODE(status.st_mode))
        except (OSError, ValueError):
            return None

    @cached_property
    def sources(self) -> list[Source]:
        """All files that can be read."""
        return [source for path in self.files if (source := self.source(path)) is not None]

    def matching(self, *suffixes: str) -> list[Source]:
        """Files whose name ends in one of these."""
        return [source for source in self.sources if source.path.name.endswith(suffixes)]


def _refuse(error: OSError) -> None:
    raise DeploymentError(f"{error.filename} cannot be read: {error.strerror}.") from None
