"""A repository of real code for the index: the standard library, cut into files of a few kilobytes."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

FILE_BYTES = 3_000


def code_repository(folder: Path, files: int) -> Path:
    """A git repository with so many files of 3 kB, each different, in one commit."""
    folder.mkdir()
    for number, text in enumerate(islice(_pieces(), files)):
        path = folder / f"package_{number % 100:02d}" / f"module_{number:05d}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# part {number}\n{text}", encoding="utf-8")
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "code"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def _pieces() -> Iterator[str]:
    """Pieces of the standard library's sources, at ever other places, without end."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py"))
    texts = [
        path.read_text(encoding="utf-8", errors="replace") for path in sources if "site-packages" not in path.parts
    ]
    for shift in range(0, FILE_BYTES, 700):
        for text in texts:
            for start in range(shift, len(text) - FILE_BYTES, FILE_BYTES):
                yield text[start : start + FILE_BYTES]
