"""The socket: who is admitted, how the others are refused, and what ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from .stand import Stand

PREFIXES = ["", "/api/v1"]


@contextlib.contextmanager
def socket(stand: Stand, path: str = "/ws", **options: Any):
    with stand.client() as client, client.websocket_connect(path, **options) as session:
        yield session


def admitted(session: WebSocketTestSession) -> bool:
    frame = session.receive_json()
    return bool((frame["type"], frame["authenticated"], frame["user"]) == ("connection", True, "ann"))


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("role", ["viewer", "user", "admin", "service"])
def test_a_token_of_a_reader_admits(evolution: Stand, prefix: str, role: str) -> None:
    with socket(evolution, f"{prefix}/ws", headers=evolution.bearer(role)) as session:
        assert admitted(session)
        session.send_text("ping")
        assert session.receive_text() == "pong"


def test_a_token_may_come_in_query_subprotocol_or_first_message(evolution: Stand) -> None:
    token = evolution.token("viewer")
    with socket(evolution, f"/ws?token={token}") as session:
        assert admitted(session)
    with socket(evolution, subprotocols=["dean.token", token]) as session:
        assert admitted(session)
        assert session.accepted_subprotocol == "dean.token"
    with socket(evolution) as session:
        session.send_json({"type": "authenticate", "token": token})
        assert admitted(session)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "case", ["junk", "expired", "stranger", "other scheme", "query", "subprotocol", "key in query"]
)
def test_a_bad_credential_is_refused_before_accepting(evolution: Stand, prefix: str, case: str) -> None:
    _, key = evolution.store.api_keys.create("board", ["viewer"])
    path, options = {
        "junk": ("/ws", {"headers": {"Authorization": "Bearer junk"}}),
        "expired": ("/ws", {"headers": evolution.bearer("viewer", life=-61)}),
        "stranger": ("/ws", {"headers": evolution.bearer("stranger")}),
        "other scheme": ("/ws", {"headers": {"Authorization": "Basic YTpi"}}),
        "query": ("/ws?token=junk", {}),
        "subprotocol": ("/ws", {"subprotocols": ["dean.token", "junk"]}),
        "key in query": (f"/ws?token={key}", {}),
    }[case]

    with pytest.raises(WebSocketDisconnect) as refused, socket(evolution, prefix + path, **options):
        pass

    assert refused.value.code == 1008


@pytest.mark.parametrize("message", ['{"token": "junk"}', "no json", "[]", '{"token": 1}'])
def test_a_bad_first_message_closes_with_4401(evolution: Stand, message: str) -> None:
    with socket(evolution) as session:
        session.send_text(message)
        with pytest.raises(WebSocketDisconnect) as refused:
            session.receive_text()

    assert refused.value.code == 4401


def test_an_api_key_in_its_header_admits(evolution: Stand) -> None:
    _, key = evolution.store.api_keys.create("ann", ["viewer"])

    with socket(evolution, headers={"X-API-Key": key}) as session:
        assert admitted(session)


def test_a_token_that_expires_ends_the_socket(evolution: Stand) -> None:
    """It is good for a minute longer than it says, for clocks that differ."""
    with socket(evolution, headers=evolution.bearer("viewer", life=-58.5)) as session:
        assert admitted(session)
        with pytest.raises(WebSocketDisconnect) as ended:
            session.receive_text()

    assert ended.value.code == 4401


def test_another_sites_page_is_refused(evolution: Stand) -> None:
    headers = evolution.bearer("viewer") | {"Origin": "https://evil.example"}

    with pytest.raises(WebSocketDisconnect) as refused, socket(evolution, headers=headers):
        pass

    assert refused.value.code == 1008


def test_a_named_or_its_own_site_is_not(make_stand: Callable[..., Stand]) -> None:
    stand = make_stand("evolution", server_origins=("https://board.example",))
    for origin in ("https://board.example", "http://testserver"):
        with socket(stand, headers=stand.bearer("viewer") | {"Origin": origin}) as session:
            assert admitted(session)


def test_one_user_has_so_many_sockets_and_no_more(make_stand: Callable[..., Stand]) -> None:
    stand = make_stand("evolution", server_sockets_per_user=2)
    with stand.client() as client, contextlib.ExitStack() as held:

        def connect(subject: str) -> WebSocketTestSession:
            headers = stand.bearer("viewer", subject=subject)
            return held.enter_context(client.websocket_connect("/ws", headers=headers))

        assert admitted(connect("ann"))
        assert admitted(connect("ann"))
        with pytest.raises(WebSocketDisconnect):
            connect("ann")
        assert admitted(connect("bob"))


def test_text_of_a_client_goes_to_nobody(evolution: Stand) -> None:
    with (
        evolution.client() as client,
        client.websocket_connect("/ws", headers=evolution.bearer("viewer")) as one,
        client.websocket_connect("/ws", headers=evolution.bearer("viewer")) as other,
    ):
        assert admitted(one)
        assert admitted(other)
        one.send_text("hello")
        one.send_bytes(b"\0hello")
        one.send_text("ping")
        other.send_text("ping")

        assert one.receive_text() == "pong"
        assert other.receive_text() == "pong"
