"""`airflow dean auth`: API keys, service tokens, signing keys; and how `serve` refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.services.server.keyring import read_signing_keys
from dean_airflow.services.tokens import verify
from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow

Airflow = Callable[..., int]
Output = pytest.CaptureFixture[str]


def signing_keys(tmp_path: Path) -> Path:
    return tmp_path / "dean" / "signing-keys"


def audited(tmp_path: Path) -> list[str]:
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        return [entry.action for entry in store.audit.recent()]


def test_a_key_is_made_listed_and_revoked(airflow: Airflow, tmp_path: Path, capsys: Output) -> None:
    assert airflow("dean", "auth", "keys", "create", "board", "--role", "viewer", "--days", "9", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert airflow("dean", "auth", "keys", "list") == 0
    line = capsys.readouterr().out
    assert airflow("dean", "auth", "keys", "revoke", made["id"]) == 0
    capsys.readouterr()
    assert airflow("dean", "auth", "keys", "list", "--json") == 0
    after = json.loads(capsys.readouterr().out)

    assert made["key"] not in line
    assert all(word in line for word in (made["id"], "active", "viewer", "never used", "board"))
    assert [(key["id"], key["active"]) for key in after] == [(made["id"], False)]
    assert audited(tmp_path) == ["key_revoked", "key_created"]


def test_an_unknown_key_is_one_sentence(airflow: Airflow, capsys: Output) -> None:
    assert airflow("dean", "auth", "keys", "revoke", "key-ghost") == 1

    assert capsys.readouterr().err.startswith("There is no API key key-ghost")


def test_the_first_rotation_makes_a_key_and_the_next_keeps_it(airflow: Airflow, tmp_path: Path, capsys: Output) -> None:
    assert airflow("dean", "auth", "signing-keys", "rotate") == 0
    first = read_signing_keys(signing_keys(tmp_path))
    assert airflow("dean", "auth", "signing-keys", "rotate") == 0
    second = read_signing_keys(signing_keys(tmp_path))
    said = capsys.readouterr().out

    assert len(first.newest.secret) >= 64
    assert [key.kid for key in second.keys] == [second.newest.kid, first.newest.kid]
    assert "verifies for 24 hours more" in said
    assert not [key for key in second.keys if key.secret in said]
    assert audited(tmp_path) == ["keys_rotated", "keys_rotated"]


def test_a_token_is_for_one_service(airflow: Airflow, tmp_path: Path, capsys: Output) -> None:
    airflow("dean", "auth", "signing-keys", "rotate")
    capsys.readouterr()

    assert airflow("dean", "auth", "token", "evolution", "--role", "user", "--user", "ann", "--minutes", "5") == 0

    token = capsys.readouterr().out.strip()
    claims = verify(token, read_signing_keys(signing_keys(tmp_path)), audience="evolution")
    assert (claims.username, claims.roles) == ("ann", ("user",))
    assert audited(tmp_path)[0] == "token_issued"


@pytest.mark.parametrize(
    "words", [("auth", "token", "evolution", "--role", "user"), ("serve", "evolution", "--port", "0")]
)
def test_without_a_signing_key_there_is_one_sentence(airflow: Airflow, capsys: Output, words: tuple[str, ...]) -> None:
    assert airflow("dean", *words) == 1

    said = capsys.readouterr().err
    assert said.startswith("There is no signing key: ")
    assert said.count("\n") == 1


def test_a_port_in_use_is_one_sentence(airflow: Airflow, capsys: Output) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert airflow("dean", "serve", "indexagent", "--port", str(port)) == 1

    assert capsys.readouterr().err == f"Port {port} of 127.0.0.1 is in use already; choose another with --port.\n"


def test_a_host_of_another_machine_is_one_sentence(airflow: Airflow, capsys: Output) -> None:
    assert airflow("dean", "serve", "evolution", "--port", "0", "--host", "192.0.2.1") == 1

    assert capsys.readouterr().err.startswith("The server cannot listen on 192.0.2.1 port 0")


def test_a_wrong_store_is_one_sentence(airflow: Airflow, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow("dean", "auth", "signing-keys", "rotate")
    monkeypatch.setenv("AIRFLOW__DEAN__STORE", "mysql://nobody@nowhere/x")
    capsys.readouterr()

    assert airflow("dean", "serve", "evolution", "--port", "0") == 1

    assert capsys.readouterr().err == "The store cannot be kept in 'mysql'; use sqlite or postgresql.\n"
