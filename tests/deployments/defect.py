"""A defect seeded into a valid deployment, and where it must be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .build import File, files_of, fill

Files = dict[str, File]
Change = Callable[[Files], None]


@dataclass(frozen=True)
class Defect:
    """`id` is expected in `file`, at the first line that holds `line` (None: the whole file).

    `also` are ids that the same change makes true besides, as when a missing base breaks two things.
    """

    id: str
    base: str
    changes: tuple[Change, ...]
    file: str
    line: str | None
    environment: str | None = None
    severity: str | None = None
    also: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        return f"{self.id} in {self.base} at {self.file}:{self.line}"

    def files(self) -> Files:
        files = dict(files_of(self.base))
        for change in self.changes:
            change(files)
        return files

    def expected_line(self, files: Files) -> int | None:
        if self.line is None:
            return None
        lines = files[self.file].text.splitlines()
        return next(number for number, text in enumerate(lines, 1) if fill(self.line) in text)


def edit(name: str, old: str, new: str) -> Change:
    """Replaces a text that stands exactly once."""

    def change(files: Files) -> None:
        text, wanted = files[name].text, fill(old)
        assert text.count(wanted) == 1, f"{wanted!r} stands {text.count(wanted)} times in {name}"
        files[name] = replace(files[name], text=text.replace(wanted, fill(new)))

    return change


def first(name: str, old: str, new: str) -> Change:
    """Replaces a text where it stands first."""

    def change(files: Files) -> None:
        text, wanted = files[name].text, fill(old)
        assert wanted in text, f"{wanted!r} does not stand in {name}"
        files[name] = replace(files[name], text=text.replace(wanted, fill(new), 1))

    return change


def append(name: str, text: str) -> Change:
    def change(files: Files) -> None:
        files[name] = replace(files[name], text=files[name].text + fill(text))

    return change


def add(name: str, text: str, mode: int | None = None, kind: str = "", arguments: str = "") -> Change:
    def change(files: Files) -> None:
        files[name] = File(name, fill(text), mode, kind, arguments)

    return change


def remove(name: str) -> Change:
    def change(files: Files) -> None:
        del files[name]

    return change


def rename(name: str, new: str) -> Change:
    def change(files: Files) -> None:
        files[new] = replace(files.pop(name), name=new)

    return change


def mode(name: str, value: int) -> Change:
    def change(files: Files) -> None:
        files[name] = replace(files[name], mode=value)

    return change


def transform(name: str, function: Callable[[str], str]) -> Change:
    def change(files: Files) -> None:
        files[name] = replace(files[name], text=function(files[name].text))

    return change
