"""What errors and logs may not show."""

from __future__ import annotations

import pytest

from dean_airflow.services.masking import mask, shown_body

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2-word@dean.test/x",
        "postgresql+psycopg2://dean:hunter2-word@db/dean",
        "GET /ws?token=hunter2-word&x=1",
        "Authorization: Bearer hunter2-word",
        "authorization=Basic hunter2-word",
        '{"password": "hunter2-word"}',
        "{'api_key': 'hunter2-word'}",
        "X-API-Key: hunter2-word",
        "client_secret = hunter2-word",
        '{"signing-key":"hunter2-word"}',
        f"bad token {TOKEN} here",
    ],
)
def test_credentials_are_hidden(text: str) -> None:
    shown = mask(text)
    assert "hunter2" not in shown and "eyJ" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    ['{"token_budget": 4096, "tokens_used": 12}', "Trial not found", "http://dean.test:8083/evolution/trial-1/status"],
)
def test_what_is_none_is_shown(text: str) -> None:
    assert mask(text) == text


def test_a_body_is_masked_before_it_is_cut() -> None:
    body = ("x" * 480 + ' "password": "hunter2-word-that-is-long"').encode()
    assert "hunter2" not in shown_body(body)
    assert len(shown_body(b"y" * 10_000)) == 500
    assert shown_body(b"\xff\xfe") and shown_body(None) == ""


def test_a_hostile_text_takes_no_time() -> None:
    """Quadratic backtracking on this would take minutes."""
    mask("a-" * 50_000 + "password" * 1000)
