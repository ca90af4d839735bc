"""A value that a holder keeps for its readers, and that perhaps an authority accepts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from dean_airflow.deployment.secrets.generate import USUAL, new_secret
from dean_airflow.deployment.secrets.target import Acceptance, Authority, Holder
from dean_airflow.deployment.secrets_file import read_secrets_file, secrets_in
from dean_airflow.errors import DeploymentError


class HeldValueTarget:
    """Without an authority the readers themselves are who accepts it, such as of an application's secret key."""

    def __init__(self, name: str, holder: Holder, authority: Authority | None = None, length: int = USUAL) -> None:
        self.name = name
        self._holder, self._authority, self._length = holder, authority, length

    @property
    def overlaps(self) -> bool:
        return self._authority is not None and self._authority.overlaps

    def read(self) -> str:
        return self._holder.read()

    def generate(self) -> str:
        return new_secret(self._length)

    def add(self, old: str, new: str) -> None:
        if self._authority is not None:
            self._authority.allow(old, new)

    def switch(self, old: str, new: str) -> None:
        self._holder.write(new)

    def retire(self, old: str, new: str) -> None:
        if self._authority is not None:
            self._authority.refuse(old, new)

    def restore(self, old: str, new: str) -> None:
        self._holder.write(old)
        if self._authority is not None:
            self._authority.allow(new, old)
            self._authority.refuse(new, old)

    def acceptance(self, value: str) -> Acceptance:
        return self._authority.acceptance(value) if self._authority is not None else "unknown"

    def shown(self, value: str) -> tuple[str, ...]:
        return (value,)


class FileHolder:
    """A variable of the deployment's secrets file. Other lines of the file stay as they are, to the byte."""

    def __init__(self, path: Path, variable: str, *, production: bool) -> None:
        self._path, self._variable, self._production = path, variable, production

    def read(self) -> str:
        secrets = read_secrets_file(self._path, production=self._production)
        if not secrets.get(self._variable):
            raise DeploymentError(f"{self._path} does not set {self._variable}, so there is nothing to rotate.")
        return secrets[self._variable]

    def write(self, value: str) -> None:
        before = read_secrets_file(self._path, production=self._production)
        self.read()
        name = re.escape(self._variable)
        assignment = re.compile(rf"(\s*(?:export\s+)?{name}\s*=[ \t]*)(.*?)(\r?)")
        lines = self._path.read_bytes().decode().split("\n")
        found = [(number, match) for number, line in enumerate(lines) if (match := assignment.fullmatch(line))]
        for number, match in found:
            lines[number] = match[1] + _as_written(value, match[2]) + match[3]
        text = "\n".join(lines)
        after = secrets_in(self._path, text.encode())
        if after != {**before, self._variable: value}:
            raise DeploymentError(
                f"{self._variable} in {self._path} cannot be replaced; write it on one line of its own, as NAME=value."
            )
        replace_file(self._path, text.encode())


def _as_written(value: str, before: str) -> str:
    """A value in the quotes that the one before it has, with the comment that follows it."""
    quote = before[:1] if before[:1] in ("'", '"') else ""
    if quote:
        closing = re.match(rf"{quote}(?:\\.|[^{quote}\\])*{quote}" if quote == '"' else r"'[^']*'", before)
        rest = before[closing.end() :] if closing else ""
    else:
        comment = re.search(r"\s+#.*$", before)
        rest = comment[0] if comment else ""
    if not quote and not re.fullmatch(r"[^\s'\"#]*", value):
        quote = "'" if "'" not in value else '"'
    if quote == '"':
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f"{quote}{value}{quote}{rest}"


def replace_file(path: Path, data: bytes) -> None:
    """Puts data in place of a file's, whole or not at all, with the same mode, on the disk. Raises DeploymentError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        write_private(beside, data)
        beside.chmod(mode)
        beside.replace(path)
    except OSError as error:
        raise DeploymentError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        beside.unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """A new file that only its owner may read. Raises OSError."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class CallableHolder:
    """A holder of two functions, for places that this package knows nothing of."""

    def __init__(self, read: Callable[[], str], write: Callable[[str], None]) -> None:
        self.read, self.write = read, write
