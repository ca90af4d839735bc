"""Connections and settings as endpoints of services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.services.credentials import AirflowLogin, ApiKey, BearerToken, NoCredential, ServiceToken
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.tokens import SigningKeys, generate_key

pytestmark = pytest.mark.airflow

KEYS = SigningKeys((generate_key(),))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def endpoint(settings: Settings, service: str = "evolution", extra: Any = None, **fields: Any) -> ServiceEndpoint:
    from airflow.sdk import Connection

    from dean_airflow.airflow_services import endpoint_of

    connection = Connection(
        conn_id="mine", conn_type="dean_evolution", extra=json.dumps(extra) if extra else None, **fields
    )
    return endpoint_of(connection, service, settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "dean", "port": 9}, "http://dean:9"),
        ({"host": "dean", "schema": "https"}, "https://dean"),
        ({"host": "https://dean.test/under/"}, "https://dean.test/under"),
        ({"host": "https://dean.test/under", "port": 9, "schema": "http"}, "https://dean.test:9/under"),
        ({"host": "https://dean.test:9"}, "https://dean.test:9"),
    ],
)
def test_the_address(settings: Settings, fields: dict[str, Any], url: str) -> None:
    found = endpoint(settings, **fields)
    assert (found.url, found.name, found.kind, found.required) == (url, "mine", "evolution", True)


@pytest.mark.parametrize(("service", "seconds"), [("indexagent", 30), ("airflow", 60), ("evolution", 120)])
def test_the_deadline_where_none_is_set(settings: Settings, service: str, seconds: float) -> None:
    assert endpoint(settings, service=service, host="dean").deadline == seconds


def test_the_extras(settings: Settings) -> None:
    extra = {"timeout": 7.5, "prefix": "/api/v1", "required": False, "ca_file": "/etc/ca.pem"}
    found = endpoint(settings, extra=extra, host="https://dean")
    assert (found.deadline, found.required, found.ca_file) == (7.5, False, "/etc/ca.pem")
    assert found.address("/health") == "https://dean/api/v1/health"


@pytest.mark.parametrize(
    ("fields", "extra", "credential"),
    [
        ({}, None, NoCredential()),
        ({"password": "k" * 40}, None, ApiKey("k" * 40)),
        ({"login": "dean", "password": "p"}, None, AirflowLogin("dean", "p")),
        ({"password": "t"}, {"authentication": "bearer"}, BearerToken("t")),
        ({"password": "t"}, {"authentication": "none"}, NoCredential()),
        (
            {"password": KEYS.text(), "login": "ada"},
            {"authentication": "service-token", "audience": "theirs", "own_header": True},
            ServiceToken(KEYS, audience="theirs", username="ada", own_header=True),
        ),
    ],
)
def test_the_credential(settings: Settings, fields: Any, extra: Any, credential: object) -> None:
    assert endpoint(settings, extra=extra, host="dean", **fields).credential == credential


def test_without_a_password_the_installations_own_keys_are_used(settings: Settings) -> None:
    settings.signing_keys_file.write_text(KEYS.text())
    settings.signing_keys_file.chmod(0o600)
    credential = endpoint(settings, host="dean").credential
    assert isinstance(credential, ServiceToken) and callable(credential.keys) and credential.keys() == KEYS
    assert endpoint(settings, service="airflow", host="dean").credential == NoCredential()


@pytest.mark.parametrize(
    ("fields", "extra", "says"),
    [
        ({}, None, "no host"),
        ({"host": "ftp://dean"}, None, "must look like"),
        ({"host": "http://me:secretword@dean"}, None, "holds a login"),
        ({"host": "dean"}, {"timeout": "soon"}, "no number of seconds"),
        ({"host": "dean"}, {"timeout": True}, "no number of seconds"),
        ({"host": "dean"}, {"timeout": -1}, "more than 0"),
        ({"host": "dean"}, {"authentication": "magic"}, "must be one of"),
        ({"host": "dean"}, {"authentication": "api-key"}, "no password"),
        ({"host": "dean"}, {"authentication": "service-token"}, "no signing keys"),
        ({"host": "dean", "password": "p"}, {"authentication": "airflow"}, "no login"),
        ({"host": "dean", "login": "admin", "password": "admin"}, None, "everyone knows"),
        ({"host": "dean", "password": "short"}, {"authentication": "service-token"}, "shorter than 32"),
    ],
)
def test_a_connection_that_cannot_be_used_is_said_to(settings: Settings, fields: Any, extra: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        endpoint(settings, extra=extra, **fields)
    assert "secretword" not in str(raised.value)


def test_connections_win_over_settings(airflow_home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.airflow_services import endpoints

    both = settings.model_copy(update={"evolution_url": "http://setting:1", "indexagent_url": "http://setting:2"})
    monkeypatch.setenv("AIRFLOW_CONN_DEAN_EVOLUTION", '{"conn_type": "dean_evolution", "host": "http://connection:1"}')
    found = {one.kind: (one.name, one.url) for one in endpoints(both)}
    assert found == {
        "evolution": ("dean_evolution", "http://connection:1"),
        "indexagent": ("indexagent", "http://setting:2"),
    }
