"""The example deployment's own servers, whose signing keys are rotated by the DAG under load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dean_airflow.config import load_settings
from dean_airflow.deployment.deployer import Deployer, DeployRequest
from dean_airflow.deployment.site import site_of
from dean_airflow.services.server.keyring import read_signing_keys

from ...deployments.load import Load
from ...deployments.shop import free_port

EXAMPLE = Path(__file__).parents[3] / "examples" / "deployment"

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture
def example(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, deployed on ports of its own."""
    directory = Path(shutil.copytree(EXAMPLE, tmp_path / "examples" / "deployment"))
    (directory / ".env").write_text(f"INDEXAGENT_PORT={free_port()}\nEVOLUTION_PORT={free_port()}\n")
    (directory / ".env").chmod(0o600)
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "data"))
    settings = load_settings({"AIRFLOW__DEAN__DATA_DIR": str(tmp_path / "data")})
    deployer = Deployer(settings, say=lambda line: None)
    try:
        report = deployer.deploy(DeployRequest(str(directory), probes=False))
        assert report["success"], report
        yield directory
    finally:
        deployer.down(str(directory), destructive=True)


def test_no_request_fails_and_the_old_key_is_refused(
    example: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from airflow.cli.cli_parser import get_parser

    keys = site_of(example, tmp_path / "data").data / "dean" / "signing-keys"
    read = partial(read_signing_keys, keys, production=False)
    old = read().newest
    ports = dict(line.split("=") for line in (example / ".env").read_text().split())
    urls = {
        f"http://127.0.0.1:{ports['INDEXAGENT_PORT']}/agents": "indexagent",
        f"http://127.0.0.1:{ports['EVOLUTION_PORT']}/evolution/trials": "evolution",
    }
    conf = json.dumps({"deployment": str(example), "secret": "signing_keys", "overlap_hours": 0.001})
    with Load(list(urls), 50, read, urls) as load:
        arguments = get_parser().parse_args(["dags", "test", "dean_secret_rotation", "-c", conf])
        arguments.func(arguments)
        load.wait_for(100)

    printed = capfd.readouterr()
    assert load.answers.failed == []
    assert load.answers.sent > 500
    assert "Both values are accepted until" in printed.out + printed.err
    assert [key.kid for key in read().keys] != [old.kid]
    assert old.kid not in [key.kid for key in read().keys]
    assert old.secret not in printed.out + printed.err
