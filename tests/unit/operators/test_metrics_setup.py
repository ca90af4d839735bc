"""Which endpoints the collector of this Airflow asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dean_airflow.errors import ConfigurationError

pytestmark = pytest.mark.airflow


@pytest.fixture
def setup(airflow_home: Path, monkeypatch: pytest.MonkeyPatch):
    from dean_airflow.airflow_settings import settings_in_process
    from dean_airflow.metrics_setup import collector_setup

    def make(*sources: dict[str, object]):
        monkeypatch.setenv("AIRFLOW__DEAN__METRICS_SOURCES", json.dumps(sources))
        return collector_setup(settings_in_process())

    return make


def test_a_source_with_a_connection_has_its_login_and_its_address(setup, monkeypatch) -> None:
    connection = {"conn_type": "http", "host": "shop.example", "port": 9000, "password": "a-key"}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection))
    found = setup({"name": "shop", "connection": "shop", "timeout": 2}).watched["shop"]
    assert (found.name, found.kind, found.url, found.timeout) == ("shop", "http", "http://shop.example:9000", 2)
    assert found.credential.key == "a-key"
    assert not found.breaker.enabled
    other = setup({"name": "shop", "connection": "shop", "url": "http://shop.example/metrics", "kind": "prometheus"})
    assert other.watched["shop"].url == "http://shop.example/metrics"


def test_a_connection_that_does_not_exist_is_named(setup) -> None:
    with pytest.raises(ConfigurationError, match="source of metrics shop names the connection nowhere, which does not"):
        setup({"name": "shop", "connection": "nowhere"})


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"url": "http://shop.example"}, "metrics_sources"),
        ({"name": "dean", "url": "http://shop.example"}, "is the name of a source of DEAN's own"),
        ({"name": "shop"}, "it needs a `url`"),
        ({"name": "shop", "url": "http://shop.example", "wish": 1}, "there is no such setting"),
        ({"name": "shop", "url": "http://shop.example", "fields": {"a-b": {"path": "x"}}}, "is no name of a metric"),
    ],
)
def test_what_is_wrong_with_a_source_is_said_with_the_other_settings(setup, source, problem) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        setup(source)


def test_this_airflow_is_asked_by_its_own_address(setup, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")
    assert [(one.kind, one.url) for one in setup().services] == [("airflow", "http://airflow.example")]
    monkeypatch.setenv("AIRFLOW__DEAN__AIRFLOW_URL", "http://other.example")
    assert [one.url for one in setup().services] == ["http://other.example"]
