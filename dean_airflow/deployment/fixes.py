"""Repairs that are safe: none of them makes up a value, removes anything, or opens something to others."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.deployment.checks.files import marked, windows_line_ends
from dean_airflow.deployment.checks.paths import directories
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.secrets import secret_files
from dean_airflow.errors import DeploymentError


@dataclass(frozen=True)
class Change:
    """What was changed: the check it is for, the file, a sentence, and a unified diff (empty for modes)."""

    check: str
    file: str
    what: str
    diff: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"id": self.check, "file": self.file, "what": self.what, "diff": self.diff}


def apply_fixes(deployment: Deployment) -> list[Change]:
    """Removes byte-order marks and Windows line ends, creates missing directories, tightens modes of secret files.

    A file is replaced as a whole or not at all. Raises DeploymentError where one cannot be written.
    """
    try:
        return list(_changes(deployment))
    except OSError as error:
        raise DeploymentError(f"{error.filename or 'A file'} cannot be repaired: {error.strerror}.") from None


def _changes(deployment: Deployment) -> Iterator[Change]:
    secret = set(secret_files(deployment))
    line_ends = {hit.place.file for hit in windows_line_ends(deployment)}
    for source in [*marked(deployment), *(s for s in deployment.tree.sources if s.name in line_ends)]:
        before = source.path.read_bytes()
        encoding = source.mark or "utf-8"
        try:
            text = before.decode(encoding)
        except UnicodeDecodeError:
            continue
        after = text.lstrip("\ufeff")
        mark = "\ufeff" if source.mark else ""
        what = "removed the byte-order mark" if source.mark else "changed CRLF to LF"
        check = "M01" if source.mark else "M03"
        if source.name in line_ends:
            after = after.replace("\r\n", "\n")
        if after.encode() != before and not source.path.is_symlink():
            _replace(source.path, after.encode(), source.mode)
            shown = (
                "(the content is a secret and is not shown)\n"
                if source.path in secret
                else _diff(source.name, mark + text, after)
            )
            yield Change(check, source.name, f"{source.name}: {what}.", shown)
    created = set()
    for path, _, _ in directories(deployment):
        if not path.exists() and path not in created and path.is_relative_to(deployment.root):
            path.mkdir(parents=True)
            created.add(path)
            name = deployment.tree.name(path)
            yield Change("M77", name, f"{name}: created the directory.", f"+ {name}/\n")
    for path in secret_files(deployment):
        mode = path.stat().st_mode & 0o777
        if mode not in (0o600, 0o400) and not path.is_symlink():
            path.chmod(0o600)
            name = deployment.tree.name(path)
            yield Change(
                "M16", name, f"{name}: changed its mode from {mode:o} to 600.", f"- mode {mode:o}\n+ mode 600\n"
            )


def _replace(path: Path, data: bytes, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".dean-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _diff(name: str, before: str, after: str) -> str:
    """With the mark and the carriage returns made visible."""
    shown = [
        text.replace("\ufeff", "<BOM>").replace("\r", "<CR>").splitlines(keepends=True) for text in (before, after)
    ]
    return "".join(difflib.unified_diff(shown[0], shown[1], f"a/{name}", f"b/{name}", n=1))
