"""The files of a deployment directory, each read once and within bounds."""

from __future__ import annotations

import codecs
import contextlib
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

MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""What all files of a deployment may come to; those longer than MAX_BYTES and large binary ones do not count."""

_LONGEST_NAME, _LONGEST_PATH = 255, 2_000
_LARGE_BINARY, _HEAD = 256 * 1024, 4096
_TEXTS = frozenset(
    {
        ".yml",
        ".yaml",
        ".env",
        ".conf",
        ".cfg",
        ".json",
        ".sql",
        ".sh",
        ".ps1",
        ".py",
        ".toml",
        ".txt",
        ".md",
        ".template",
    }
)
"""Suffixes of text files: they are read whole, however binary they look."""

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


def absolute(base: Path, text: str) -> Path:
    """A path as written, made absolute; never raises, and every system call takes what comes back.

    A name that no file system can hold is cut: there is no such file either way.
    """
    written = text.replace("\0", "\ufffd")
    if len(written) > _LONGEST_NAME // 4:
        written = _cut("/".join(_cut(part, _LONGEST_NAME) for part in written.split("/")), _LONGEST_PATH)
    with contextlib.suppress(RuntimeError):  # `~name` of nobody
        written = os.fspath(Path(written).expanduser())
    return Path(os.path.normpath(base / written))


def _cut(text: str, length: int) -> str:
    return text.encode("utf-8", "surrogateescape")[:length].decode("utf-8", "ignore")


class Tree:
    """A deployment directory. Raises DeploymentError if it is none, cannot be read or holds too many files."""

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.expanduser().resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise DeploymentError(f"There is no deployment directory {root}; name an existing one.") from None
        if not self.root.is_dir():
            raise DeploymentError(f"{root} is a file; name the directory that holds the deployment.")
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise DeploymentError(f"{self.root} cannot be read: Permission denied.")
        self._sources: dict[Path, Source | None] = {}
        self._total = 0

    @cached_property
    def files(self) -> list[Path]:
        """Every regular file below the directory, by name; symbolic links that lead out of it are left out."""
        return sorted(self._walk())

    @cached_property
    def escapes(self) -> list[Path]:
        """Symbolic links below the directory that lead out of it; nothing behind them is read."""
        self.files  # noqa: B018 - walking finds them
        return sorted(self._escapes)

    @cached_property
    def closed(self) -> list[Path]:
        """Directories below it that cannot be entered, such as a database's that another user owns."""
        self.files  # noqa: B018 - walking finds them
        return sorted(self._closed)

    def _walk(self) -> Iterator[Path]:
        self._escapes: list[Path] = []
        self._closed: list[Path] = []
        count = 0
        for folder, folders, files in os.walk(self.root, onerror=self._note):
            folders[:] = sorted(name for name in folders if name not in NEVER_ENTERED)
            for name in [*files, *folders]:
                path = Path(folder, name)
                if path.is_symlink() and not self._stays_inside(path):
                    self._escapes.append(path)
                elif name in files and _is_file(path):
                    count += 1
                    if count > MAX_FILES:
                        raise DeploymentError(
                            f"{self.root} holds more than {MAX_FILES} files; name a smaller directory."
                        )
                    yield path

    def _note(self, error: OSError) -> None:
        """A directory that cannot be listed; the deployment's own ends the walk."""
        if error.filename is None or Path(error.filename) == self.root:
            raise DeploymentError(f"{self.root} cannot be read: {error.strerror}.") from None
        self._closed.append(Path(error.filename))

    def _stays_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError, ValueError):
            return False

    def name(self, path: Path) -> str:
        """How a path is called in findings: relative to the deployment, with `..` for what lies beside it.

        One line of UTF-8, whatever bytes the file system holds.
        """
        name = Path(os.path.relpath(path, self.root)).as_posix()
        if name.isprintable():
            return name
        return "".join(char if char.isprintable() else "\ufffd" for char in name)

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """A path as written in a file of `base`, made absolute; `~` is the caller's home."""
        return absolute(base or self.root, text)

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
            if status.st_size > _LARGE_BINARY and path.suffix.lower() not in _TEXTS and _is_binary(path):
                return None
            data = path.read_bytes()
        except (OSError, ValueError):
            return None
        self._total += len(data)
        if self._total > MAX_TOTAL_BYTES:
            limit = MAX_TOTAL_BYTES // 1024 // 1024
            raise DeploymentError(f"The files of {self.root} hold more than {limit} MB; name a smaller directory.")
        return Source(path, self.name(path), data, stat.S_IMODE(status.st_mode))

    @cached_property
    def sources(self) -> list[Source]:
        """All files that can be read."""
        return [source for path in self.files if (source := self.source(path)) is not None]

    def read_all(self) -> None:
        """Reads every file now. Raises DeploymentError where there are too many, or too much is in them."""
        self.sources  # noqa: B018 - reading fills it

    def matching(self, *suffixes: str) -> list[Source]:
        """Files whose name ends in one of these."""
        return [source for source in self.sources if source.path.name.endswith(suffixes)]


def _is_binary(path: Path) -> bool:
    with path.open("rb") as opened:
        return b"\0" in opened.read(_HEAD)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
