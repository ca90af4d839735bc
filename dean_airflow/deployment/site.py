"""A deployment directory on this machine, and the folders that are kept of it below `[dean] data_dir`."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.errors import DeploymentError

LONGEST_SOCKET = 100
"""Characters of a unix socket's path; Linux allows 107."""


@dataclass(frozen=True)
class Site:
    """`id` is the directory's name in the store, 16 hex digits: the same directory of another machine has another."""

    id: str
    host: str
    directory: Path
    folder: Path
    sockets: Path

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def key(self) -> Path:
        """The file that releases' names depend on; made with the first deployment."""
        return self.folder / "key"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def data(self) -> Path:
        """What services keep; only ever removed when asked to in so many words."""
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def socket(self, kind: str) -> Path:
        """A unix socket's path, short enough for the kernel. Raises DeploymentError."""
        path = self.sockets / f"{self.id}.{kind}"
        if len(str(path)) > LONGEST_SOCKET:
            raise DeploymentError(
                f"{path} is too long a path for a socket; give [dean] data_dir a path of at most "
                f"{LONGEST_SOCKET - len(f'/run/{path.name}')} characters."
            )
        return path


def site_of(directory: Path | str, data_dir: Path) -> Site:
    """The site of a directory, which need not exist any more. Nothing is made."""
    resolved = Path(directory).expanduser().resolve()
    host = socket.gethostname()
    name = hashlib.sha256(f"{host}\0{resolved}".encode()).hexdigest()[:16]
    base = data_dir.expanduser().absolute()
    return Site(name, host, resolved, base / "deployments" / name, base / "run")
