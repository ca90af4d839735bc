"""Wrong PostgreSQL URLs and rights, met on a real server."""

from __future__ import annotations

import os
import socket

import pytest
from sqlalchemy.engine import make_url

from dean_airflow.errors import StoreError
from dean_airflow.store.store import Store

if not os.environ.get("DEAN_TEST_POSTGRES"):
    pytest.skip("needs the URL of a PostgreSQL database in DEAN_TEST_POSTGRES", allow_module_level=True)

pytestmark = pytest.mark.postgres


@pytest.fixture
def base():
    return make_url(os.environ["DEAN_TEST_POSTGRES"])


def refusal(url) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(url.render_as_string(hide_password=False), patience=0.2)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_database_that_does_not_exist(base):
    assert "does not exist; create the database" in refusal(base.set(database="dean_no_such_database"))


def test_an_unknown_user_without_its_password_in_the_sentence(base):
    sentence = refusal(base.set(username="dean_nobody", password="hunter2"))
    assert "hunter2" not in sentence
    assert "does not exist" in sentence or "refused the user or password" in sentence


def test_a_server_that_does_not_listen(base):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sentence = refusal(base.set(host="127.0.0.1", port=free.getsockname()[1]))
    assert "cannot be reached" in sentence
    assert "check that the server runs" in sentence


def test_a_read_only_server(base):
    assert "is read-only; name the primary server" in refusal(
        base.update_query_dict({"options": "-cdefault_transaction_read_only=on"})
    )


def test_an_unknown_option(base):
    assert "has an option its driver does not know" in refusal(base.update_query_dict({"colour": "blue"}))


def test_the_spelling_airflow_uses_for_its_connections_is_understood(base):
    with pytest.raises(StoreError, match="does not exist; create the database"):
        Store.open(
            base.set(drivername="postgres", database="dean_no_such_database").render_as_string(hide_password=False),
            patience=0.2,
        )
