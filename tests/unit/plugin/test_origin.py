"""Pages that come from nowhere are no pages of ours, whatever Airflow knows of its own address."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

pytestmark = pytest.mark.airflow


def connection(origin: str) -> HTTPConnection:
    headers = [(b"host", b"airflow.internal:8080"), (b"origin", origin.encode())]
    return HTTPConnection({"type": "websocket", "headers": headers, "path": "/", "query_string": b""})


@pytest.mark.parametrize("base_url", ["", "https://airflow.example/team"])
@pytest.mark.parametrize("origin", ["null", "", "file://", "https://evil.example", "https://airflow.internal"])
def test_origins_that_are_not_ours(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, base_url: str, origin: str
) -> None:
    from dean_airflow.plugin.origin import is_own, opened_by_own_page

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)

    assert not opened_by_own_page(connection(origin))
    assert not is_own(connection(origin), origin)


def test_origins_that_are(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.plugin.origin import opened_by_own_page

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team")
    for origin in ("http://airflow.internal:8080", "https://airflow.example"):
        assert opened_by_own_page(connection(origin))
