"""The example deployment broken in several ways: each is refused with the right words, and nothing is done."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dean_airflow.config import load_settings
from dean_airflow.deployment.deployer import Deployer, DeployRequest
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeploymentError

from .conftest import ROOT

BROKEN = {
    "a port twice": (
        "compose.yaml",
        "${EVOLUTION_PORT:-8083}:8083",
        "${INDEXAGENT_PORT:-8081}:8083",
        "M37 compose.yaml:39: Host port 8081/tcp of evolution is indexagent's already.",
    ),
    "a misspelt host": (
        "compose.yaml",
        "http://indexagent:8081",
        "http://indexagnt:8081",
        "M31 compose.yaml:37: AIRFLOW__DEAN__INDEXAGENT_URL names the host indexagnt, which is no service",
    ),
    "a circle": (
        "compose.yaml",
        "  indexagent:\n    <<: *service\n",
        "  indexagent:\n    <<: *service\n    depends_on: [evolution]\n",
        "M58 compose.yaml:42: indexagent → evolution → indexagent depend on each other.",
    ),
    "a byte-order mark": (
        "compose.yaml",
        "# This",
        "\ufeff# This",
        "M01 compose.yaml: compose.yaml begins with a byte-order",
    ),
    "a key nobody reads": (
        "dean-deployment.yaml",
        "strategy:",
        "stratagy:",
        "M44 dean-deployment.yaml:6: dean-deployment.yaml has a key `stratagy` that nothing reads.",
    ),
    "a health check of nothing": (
        "compose.yaml",
        "http://localhost:8081/health",
        "http://localhost:8082/health",
        "M38 compose.yaml:27: the health check of indexagent names port 8082 of indexagent, which listens on 8081.",
    ),
    "an impossible address": (
        "dean-deployment.yaml",
        "listen: 127.0.0.1:${INDEXAGENT_PORT:-8081}",
        "listen: indexagent",
        "`listen` must be a port or host:port (dean-deployment.yaml:16)",
    ),
    "no socket for blue/green": (
        "dean-deployment.yaml",
        "      listen: 127.0.0.1:${EVOLUTION_PORT:-8083}\n",
        "",
        "evolution cannot be rolled out blue/green: no socket is held for it",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_the_broken_example_is_refused(tmp_path: Path, how: str) -> None:
    name, old, new, says = BROKEN[how]
    directory = tmp_path / "examples" / "deployment"
    shutil.copytree(ROOT / "examples" / "deployment", directory)
    text = (directory / name).read_text()
    assert old in text
    (directory / name).write_text(text.replace(old, new, 1))
    settings = load_settings({"AIRFLOW_HOME": str(tmp_path / "home")})

    with pytest.raises(DeploymentError, match=re.escape(says)):
        Deployer(settings).deploy(DeployRequest(str(directory), probes=False))

    assert not (site_of(directory, settings.data_dir).folder / "releases").exists()
    assert Deployer(settings).status(str(directory))["services"] == {}
