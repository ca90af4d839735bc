"""The secrets file: what is taken from it, what is refused, and that no value is ever shown."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path

import pytest

from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.secrets_file import Secrets, read_secrets_file
from dean_airflow.deployment.variables import deployment_variables
from dean_airflow.errors import DeploymentError

VALUE = "zK8!wq$HOME${X}=#tail"


def written(tmp_path: Path, data: bytes | str, mode: int = 0o600) -> Path:
    path = tmp_path / "secrets.env"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    path.chmod(mode)
    return path


def test_values_are_taken_as_they_stand(tmp_path: Path):
    text = f"\ufeff# comment\r\n\r\nexport A={VALUE}\r\nB='two words'\r\nC=\"x\\ny\"\r\nD=\r\n"

    secrets = read_secrets_file(written(tmp_path, text), production=True)

    assert dict(secrets) == {"A": VALUE, "B": "two words", "C": "x\ny", "D": ""}


def test_no_text_form_shows_a_value(tmp_path: Path):
    secrets = read_secrets_file(written(tmp_path, f"A={VALUE}"), production=True)

    assert repr(secrets) == str(secrets) == f"{secrets}" == "Secrets(A)"
    with pytest.raises(KeyError) as missing:
        secrets["B"]
    assert VALUE not in repr(missing.value)
    with pytest.raises(TypeError):
        pickle.dumps(secrets)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o644, 0o777])
def test_a_looser_mode_is_refused_in_production(tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture):
    path = written(tmp_path, f"A={VALUE}", mode)
    with pytest.raises(DeploymentError, match="chmod 600") as raised:
        read_secrets_file(path, production=True)
    with caplog.at_level(logging.WARNING):
        assert read_secrets_file(path, production=False)["A"] == VALUE

    assert "chmod 600" in caplog.text
    assert VALUE not in str(raised.value) + caplog.text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "sets nothing"),
        ("# only this\n", "sets nothing"),
        (b"A=\xff\xfe\x80", "is no text"),
        (b"A=1\0\0", "is no text"),
        (f"A={VALUE}\nA=other\n", "A is set a second time"),
        (f"A={VALUE}\n{VALUE} is this\n", "Line 2"),
        (f"A='{VALUE}", "opens a quote that is never closed"),
        (b"A=" + b"x" * 1024 * 1024, "is larger than 1024 KiB"),
    ],
)
def test_what_is_no_secrets_file(tmp_path: Path, data: bytes | str, sentence: str):
    with pytest.raises(DeploymentError, match=sentence) as raised:
        read_secrets_file(written(tmp_path, data), production=True)

    assert VALUE not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_what_is_no_file(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "link").symlink_to(written(tmp_path, "A=1"))

    for name, sentence in (
        ("missing", "No such file"),
        ("folder", "no regular file"),
        ("pipe", "no regular file"),
        ("link", "is a symbolic link"),
    ):
        with pytest.raises(DeploymentError, match=sentence):
            read_secrets_file(tmp_path / name, production=True)


def test_the_file_that_the_deployment_names(deployment):
    root = deployment(
        {
            "dean-deployment.yaml": "environment: production\nbackend: process\nsecrets_file: secrets/app.env\n",
            "secrets/app.env": f"A={VALUE}\n",
        }
    )
    assert deployment_variables(read_deployment(root))["A"] == VALUE

    (root / "secrets" / "app.env").chmod(0o644)
    with pytest.raises(DeploymentError, match="open to others"):
        deployment_variables(read_deployment(root))


def test_a_link_out_of_the_deployment(deployment, tmp_path: Path):
    outside = written(tmp_path, "A=1")
    root = deployment({"dean-deployment.yaml": "backend: process\nsecrets_file: links/app.env\n"})
    (root / "links").symlink_to(outside.parent)
    (tmp_path / "app.env").write_text("A=1")

    with pytest.raises(DeploymentError, match="leads out of the deployment"):
        deployment_variables(read_deployment(root))


def test_none_is_named(deployment):
    found = deployment_variables(read_deployment(deployment({"dean-deployment.yaml": "backend: process\n"})))

    assert isinstance(found, Secrets)
    assert not found
