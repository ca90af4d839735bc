"""API keys: in their header only, good while active and unexpired, kept as a digest, their use noted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dean_airflow.errors import ConfigurationError

from .stand import Stand

PATH = "/evolution/metrics"


def test_a_key_works_in_its_header_and_is_noted(stand: Stand) -> None:
    made, key = stand.store.api_keys.create("board", ["viewer"], timedelta(days=1))

    assert stand.request("GET", PATH, {"X-API-Key": key}).status_code == 200
    assert stand.store.api_keys.list()[0].last_used_at is not None
    assert made.last_used_at is None


@pytest.mark.parametrize("name", ["api_key", "X-API-Key", "key", "token"])
def test_a_key_in_the_query_is_refused(stand: Stand, name: str) -> None:
    _, key = stand.store.api_keys.create("board", ["viewer"])

    assert stand.request("GET", f"{PATH}?{name}={key}").json()["detail"] == "Missing authentication"


def test_a_key_is_no_bearer_token(stand: Stand) -> None:
    _, key = stand.store.api_keys.create("board", ["admin"])

    assert stand.request("GET", PATH, {"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_revoked_key_is_refused(stand: Stand) -> None:
    made, key = stand.store.api_keys.create("board", ["viewer"])
    stand.store.api_keys.revoke(made.id)

    answer = stand.request("GET", PATH, {"X-API-Key": key})

    assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid or expired token")


def test_an_expired_key_is_refused(stand: Stand) -> None:
    _, key = stand.store.api_keys.create("board", ["viewer"], timedelta(microseconds=1))

    assert stand.request("GET", PATH, {"X-API-Key": key}).status_code == 401


def test_a_key_has_its_roles_and_no_more(stand: Stand) -> None:
    _, key = stand.store.api_keys.create("board", ["viewer"])
    write = "/evolution/start" if stand.service == "evolution" else "/agents"

    assert stand.request("POST", write, {"X-API-Key": key}, json={}).status_code == 403


def test_a_key_is_long_random_and_not_in_the_store(stand: Stand) -> None:
    keys = [stand.store.api_keys.create("board", ["viewer"])[1] for _ in range(2)]
    stored = "".join(
        stand.store.database.read(
            lambda session: [str(row) for row in session.connection().exec_driver_sql("SELECT * FROM dean_api_keys")]
        )
    )

    assert keys[0] != keys[1]
    assert all(len(key) >= 32 and key not in stored for key in keys)


@pytest.mark.parametrize("roles", [[], ["root"], ["viewer", "root"]])
def test_a_key_without_a_role_there_is_is_not_made(evolution: Stand, roles: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="roles viewer, user, admin, service"):
        evolution.store.api_keys.create("board", roles)
