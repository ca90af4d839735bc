from __future__ import annotations

import os
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.index import index_access


@pytest.fixture
def pip_conf(tmp_path: Path) -> Path:
    return tmp_path / "pip.conf"


def test_the_default_is_the_public_index() -> None:
    access = index_access(environ={"PIP_CONFIG_FILE": os.devnull})
    assert access.hosts == ("pypi.org", "files.pythonhosted.org")
    assert access.environment["PIP_INDEX_URL"] == "https://pypi.org/simple"
    assert access.environment["PIP_CONFIG_FILE"] == os.devnull
    assert access.readable == ()
    assert access.upstream == ""


def test_the_settings_index_and_hosts_win() -> None:
    environ = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://other.example/simple"}
    access = index_access("https://index.example:8443/simple", ["files.example"], environ)
    assert access.hosts == ("files.example", "index.example:8443")
    assert access.environment["PIP_INDEX_URL"] == "https://index.example:8443/simple"


def test_pips_own_file_is_read(pip_conf: Path, tmp_path: Path) -> None:
    packages, simple, bundle = tmp_path / "wheels", tmp_path / "mirror" / "simple", tmp_path / "ca.pem"
    packages.mkdir()
    simple.mkdir(parents=True)
    bundle.touch()
    pip_conf.write_text(
        f"[global]\ncert = {bundle}\nfind-links = {packages}\n    https://wheels.example/all\nretries = 1\n"
        f"[install]\nindex-url = https://index.example/simple\nextra-index-url = {simple.as_uri()}\n"
    )
    access = index_access(environ={"PIP_CONFIG_FILE": str(pip_conf)})
    assert access.hosts == ("index.example", "wheels.example")
    # The files of a static index lie beside its `simple` folder.
    assert set(access.readable) == {packages, simple.parent, bundle}
    assert access.environment["PIP_FIND_LINKS"].split() == [str(packages), "https://wheels.example/all"]
    assert access.environment["PIP_EXTRA_INDEX_URL"] == simple.as_uri()
    assert access.environment["PIP_CERT"] == str(bundle)
    assert access.environment["PIP_RETRIES"] == "1"


def test_variables_win_over_the_file(pip_conf: Path) -> None:
    pip_conf.write_text("[global]\nindex-url = https://file.example/simple\n")
    environ = {"PIP_CONFIG_FILE": str(pip_conf), "PIP_INDEX_URL": "https://variable.example/simple"}
    assert index_access(environ=environ).hosts == ("variable.example",)


def test_the_machines_proxy_is_kept_out_of_the_jails_environment() -> None:
    environ = {"PIP_CONFIG_FILE": os.devnull, "HTTPS_PROXY": "http://me:secret@proxy.example:3128"}
    access = index_access(environ=environ)
    assert access.upstream == "http://me:secret@proxy.example:3128"
    assert "secret" not in str(dict(access.environment))


def test_certificates_are_named_and_readable(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    access = index_access(environ={"PIP_CONFIG_FILE": os.devnull, "SSL_CERT_FILE": str(bundle)})
    assert access.environment["SSL_CERT_FILE"] == str(bundle)
    assert access.readable == (bundle,)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://user:secret@index.example/simple", "needs credentials"),
        ("https://token@index.example/simple", "needs credentials"),
        ("http://index.example/simple", "not https"),
        ("ftp://index.example/simple", "not https"),
    ],
)
def test_an_index_that_cannot_be_opened_safely(url: str, complaint: str) -> None:
    with pytest.raises(SandboxError, match=complaint) as raised:
        index_access(url, environ={"PIP_CONFIG_FILE": os.devnull})
    assert "secret" not in str(raised.value)
    assert "token" not in str(raised.value)


def test_a_broken_pip_file_is_named(pip_conf: Path) -> None:
    pip_conf.write_text("index-url = https://no.section\n")
    with pytest.raises(SandboxError, match=r"pip\.conf cannot be read"):
        index_access(environ={"PIP_CONFIG_FILE": str(pip_conf)})
