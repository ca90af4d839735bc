"""The docker command line: argument lists, never a shell; no secret in any of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dean_airflow.deployment.hooks.runner import passed_on
from dean_airflow.errors import DeploymentError

SECONDS = 120.0
BUILD_SECONDS = 3600.0
SHOWN = 400
_PASSED_ON = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class Docker:
    """`directory` is what relative paths of compose files start at."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def missing(self) -> str:
        """Why compose cannot be used here, empty where it can. Asks no engine."""
        if shutil.which("docker") is None:
            return "the docker command is not installed"
        try:
            self.run("compose", "version", "--short")
        except DeploymentError:
            return "docker has no compose plugin"
        return ""

    def compose(self, project: str, file: Path, *words: str, seconds: float = SECONDS) -> str:
        """`docker compose` on one project. An empty env file: the project's `.env` is filled in already."""
        return self.run(
            "compose", "--project-name", project, "--project-directory", str(self._directory),
            "--file", str(file), "--env-file", "/dev/null", *words, seconds=seconds,
        )  # fmt: skip

    def run(self, *words: str, seconds: float = SECONDS) -> str:
        """What it prints. Raises DeploymentError with the end of what it says."""
        import os

        environment = {**passed_on(), **{name: os.environ[name] for name in _PASSED_ON if name in os.environ}}
        try:
            done = subprocess.run(
                ["docker", *words], capture_output=True, text=True, errors="replace", timeout=seconds,
                env=environment, stdin=subprocess.DEVNULL, cwd=self._directory, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise DeploymentError(f"`docker {words[0]}` did not end within {seconds:g} s.") from None
        except OSError as error:
            raise DeploymentError(f"docker cannot be run: {error.strerror}.") from None
        if done.returncode:
            said = " ".join(done.stderr.split())[-SHOWN:]
            raise DeploymentError(f"`docker {_shown(words)}` failed: {said or f'code {done.returncode}'}")
        return done.stdout


def read_containers(text: str) -> list[Mapping[str, Any]]:
    """What `docker compose ps --format json` prints: one object a line, or one list (older plugins)."""
    text = text.strip()
    if not text:
        return []
    try:
        found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    except ValueError:
        raise DeploymentError("`docker compose ps` answered something that is no JSON.") from None
    return [one for one in found if isinstance(one, dict)]


def _shown(words: tuple[str, ...]) -> str:
    """The command without the options that every call has."""
    if words[0] != "compose":
        return " ".join(words[:3])
    return f"compose {' '.join(words[9:11])}"
