"""The file with a deployment's secrets: `NAME=value` lines that its owner alone may read."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import parse_env_file
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.redaction import Redactor
from dean_airflow.errors import DeploymentError

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024


class Secrets(Mapping[str, str]):
    """Values by name. No text form shows a value, and it cannot be pickled, so that none gets into an XCom."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def __reduce__(self) -> Any:
        raise TypeError("Secrets are not to be pickled")

    def redactor(self) -> Redactor:
        return Redactor(self._values.values())


NO_SECRETS = Secrets({})


def secrets_of_deployment(deployment: Deployment) -> Secrets:
    """Of the file that `secrets_file` of `dean-deployment.yaml` names; none without one. Raises DeploymentError."""
    node = deployment.file.get("secrets_file")
    if node is None or not node.text:
        return NO_SECRETS
    path = deployment.tree.resolve(node.text)
    if deployment.tree.is_escape(path):
        raise DeploymentError(f"{node.place}: the secrets file {node.text} is a link that leads out of the deployment.")
    return read_secrets_file(path, production=deployment.in_production)


def read_secrets_file(path: Path, *, production: bool) -> Secrets:
    """The secrets of a file, which is opened once: what was looked at is what is read.

    Raises DeploymentError, in a sentence that shows no value: missing, a link or no regular file, open to others (in
    production; elsewhere that is a warning), too long, no text, empty, a line that is no NAME=value, a name set twice.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise DeploymentError(f"The secrets file {path} is a symbolic link; name the file itself.") from None
        raise DeploymentError(f"The secrets file {path} cannot be read: {error.strerror}.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise DeploymentError(f"The secrets file {path} is no regular file.")
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            sentence = f"The secrets file {path} is open to others ({mode:04o}); close it with `chmod 600 {path}`."
            if production:
                raise DeploymentError(sentence)
            log.warning("%s", sentence)
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DeploymentError(f"The secrets file {path} is larger than {MAX_BYTES // 1024} KiB.")
    return Secrets(secrets_in(path, data))


def secrets_in(path: Path, data: bytes) -> dict[str, str]:
    """What these bytes of that file set. Raises DeploymentError as above."""
    source = Source(path, str(path), data, 0o600)
    try:
        data.decode(source.mark or "utf-8")
    except UnicodeDecodeError:
        raise DeploymentError(f"The secrets file {path} is no text.") from None
    if b"\x00" in data and not (source.mark or "").startswith(("utf-16", "utf-32")):
        raise DeploymentError(f"The secrets file {path} is no text.")
    # Secrets are taken as they are written: a `$` in one is no reference.
    parsed = parse_env_file(source, literal=True)
    if parsed.problems:
        raise DeploymentError(" ".join(problem.what for problem in parsed.problems))
    values: dict[str, str] = {}
    for variable in parsed.variables:
        if variable.name in values:
            raise DeploymentError(f"{variable.place}: {variable.name} is set a second time.")
        values[variable.name] = variable.value
    if not values:
        raise DeploymentError(f"The secrets file {path} sets nothing.")
    return values
