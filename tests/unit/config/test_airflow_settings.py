"""What Airflow adds to the settings: its section, and connections as database URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow


def connection(**fields):
    from airflow.sdk import Connection

    return Connection(conn_id="dean_store", **fields)


def test_airflows_section_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.airflow_settings import settings_from_airflow

    monkeypatch.setenv("AIRFLOW__DEAN__POOL", "a-pool")

    assert settings_from_airflow().pool == "a-pool"


def test_a_store_connection_wins_over_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dean_airflow.airflow_settings import settings_in_process

    monkeypatch.setenv("AIRFLOW__DEAN__STORE", "sqlite:////of/the/setting.db")
    monkeypatch.setenv("AIRFLOW_CONN_DEAN_STORE", f'{{"conn_type": "sqlite", "host": "{tmp_path}/dean.db"}}')

    assert settings_in_process().store == f"sqlite:///{tmp_path}/dean.db"


def test_a_missing_connection_means_the_embedded_store(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.airflow_settings import settings_in_process

    monkeypatch.setenv("AIRFLOW__DEAN__STORE", "sqlite:////of/the/setting.db")

    assert settings_in_process().store == "sqlite:////of/the/setting.db"


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        (
            {"conn_type": "postgres", "host": "db", "port": 6000, "login": "d", "password": "p/w@", "schema": "dean"},
            "postgresql+psycopg2://d:p%2Fw%40@db:6000/dean",
        ),
        (
            {"conn_type": "postgres", "host": "db", "schema": "dean", "extra": '{"sslmode": "require"}'},
            "postgresql+psycopg2://db/dean?sslmode=require",
        ),
        ({"conn_type": "sqlite", "host": "/var/dean.db"}, "sqlite:////var/dean.db"),
        ({"conn_type": "generic", "extra": '{"sqlalchemy_url": "sqlite:///x.db"}'}, "sqlite:///x.db"),
    ],
)
def test_a_connection_becomes_a_database_url(fields: dict[str, object], url: str) -> None:
    from dean_airflow.airflow_settings import database_url

    assert database_url(connection(**fields)) == url
