"""A secret is hidden in every form in which programs print it."""

from __future__ import annotations

import base64
import html
import json
import logging
import pickle
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.deployment.redaction import HIDDEN, Redactor

CANARY = 'c4n/ry "K3y"+=<&> %ü:9Zq'
ENCODINGS = {
    "plain": lambda text: text,
    "reversed": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "url": lambda text: quote(text, safe=""),
    "url_path": quote,
    "url_form": quote_plus,
    "url_lower": lambda text: re.sub("%..", lambda octet: octet[0].lower(), quote(text, safe="")),
    "hex": lambda text: text.encode().hex(),
    "json": json.dumps,
    "json_utf8": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "html": html.escape,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding(encoding: str):
    shown = Redactor([CANARY]).redact(f"before {ENCODINGS[encoding](CANARY)} after")

    assert HIDDEN in shown
    assert shown.startswith("before ")
    for encode in ENCODINGS.values():
        assert encode(CANARY).strip("'\"") not in shown


@given(st.text("abcdefXYZ0123-_", min_size=12, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_of_a_longer_text(secret: str, before: bytes, after: bytes):
    """As in `Authorization: Basic`, where the user's name stands before the password."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(before + secret.encode() + after).decode()
        shown = Redactor([secret]).redact(whole)

        assert HIDDEN in shown
        assert len(shown) - len(HIDDEN) <= len(whole) - (len(secret) - 2) * 4 // 3 + 4


def test_data_of_reports():
    data = {"what": [f"password is {CANARY}", 3, None], CANARY: (CANARY,)}

    assert Redactor([CANARY]).redact_all(data) == {"what": [f"password is {HIDDEN}", 3, None], HIDDEN: (HIDDEN,)}


def test_logs_and_the_exceptions_in_them(caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("tests.redaction")
    logger.addFilter(kept := Redactor([CANARY]).filter())
    try:
        logger.warning("the key is %s", CANARY)
        try:
            raise ValueError(CANARY)
        except ValueError:
            logger.exception("it failed")
    finally:
        logger.removeFilter(kept)

    assert CANARY not in caplog.text
    assert caplog.text.count(HIDDEN) >= 2


def test_it_shows_nothing_of_itself():
    redactor = Redactor([CANARY])

    assert CANARY not in repr(redactor)
    with pytest.raises(TypeError):
        pickle.dumps(redactor)


def test_no_secrets_change_nothing():
    assert Redactor([]).redact("a b c") == "a b c"
    assert Redactor(["", "on"]).redact("on and on") == "on and on"
