"""What guards every answer: limits, headers, error bodies, the record of who did what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from dean_airflow.errors import ConfigurationError, StoreError
from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.server.audit import Deed
from dean_airflow.services.server.crowd import Crowd
from dean_airflow.services.server.keyring import read_signing_keys
from dean_airflow.services.server.limits import RateLimit, SocketLimit
from dean_airflow.services.server.stored import StoredAudit
from dean_airflow.services.server.threads import Threads

from .stand import Stand

PATH = "/evolution/metrics"


def test_beyond_the_rate_a_caller_is_told_when_to_come_again(make_stand: Callable[..., Stand]) -> None:
    stand = make_stand("evolution", server_requests_per_minute=3)
    ann, bob = stand.bearer("viewer", subject="ann"), stand.bearer("viewer", subject="bob")

    answers = stand.requests([("GET", PATH, headers, {}) for headers in (ann, ann, ann, ann, bob)])

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 200]
    assert answers[3].json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60


def test_guessing_is_limited_by_address(make_stand: Callable[..., Stand]) -> None:
    stand = make_stand("evolution", server_requests_per_minute=2)

    answers = stand.requests([("GET", PATH, {"X-API-Key": f"guess-{number}"}, {}) for number in range(3)])

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert stand.request("GET", PATH, stand.bearer("viewer")).status_code == 200


def test_a_window_ends_after_a_minute() -> None:
    times: Iterator[float] = iter([0.0, 10.0, 59.0, 60.0])
    limit = RateLimit(2, lambda: next(times))

    assert [limit.take("ann") for _ in range(4)] == [0, 0, 1, 0]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(make_stand: Callable[..., Stand], announced: bool) -> None:
    stand = make_stand("evolution", server_request_kb=1)
    body = b'{"repository": "' + b"x" * 2000 + b'"}'

    async def chunks():
        for start in range(0, len(body), 500):
            yield body[start : start + 500]

    headers = stand.bearer("user") | {"Content-Type": "application/json"}
    answer = stand.request("POST", "/evolution/start", headers, content=body if announced else chunks())

    assert answer.status_code == 413
    assert "1024 bytes" in answer.json()["detail"]


def test_more_requests_than_may_be_at_work_are_turned_away_at_once() -> None:
    release = asyncio.Event()

    async def slow(scope, receive, send) -> None:
        await release.wait()

    async def scene() -> list[int]:
        sent: list[int] = []

        async def send(message) -> None:
            sent.append(message.get("status", 0))

        crowd = Crowd(slow, 1)
        scope = {"type": "http", "state": {}}
        first = asyncio.create_task(crowd(scope, None, send))
        await asyncio.sleep(0)
        await crowd(scope, None, send)
        release.set()
        await first
        await crowd(scope, None, send)
        return sent

    assert asyncio.run(scene()) == [503, 0]


def test_sockets_are_limited_a_user_and_in_all() -> None:
    limit = SocketLimit(1, 2)
    with limit.hold("ann") as first, limit.hold("ann") as second, limit.hold("bob") as third, limit.hold("eve") as last:
        assert (first, second, third, last) == (True, False, True, False)
    assert limit.open == 0


def test_every_answer_has_headers_for_browsers_and_an_id(stand: Stand) -> None:
    for answer in (
        stand.request("GET", "/health"),
        stand.request("GET", PATH),
        stand.request("GET", PATH, stand.bearer("viewer")),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "strict-transport-security" not in answer.headers
        assert answer.headers["x-request-id"]


def test_an_id_is_propagated_unless_it_could_do_harm(stand: Stand) -> None:
    good = stand.request("GET", PATH, {"X-Request-ID": "run-1:try.2"})
    bad = stand.request("GET", PATH, {"X-Request-ID": "a b\x7f" * 100})

    assert good.headers["x-request-id"] == good.json()["request_id"] == "run-1:try.2"
    assert bad.headers["x-request-id"] == bad.json()["request_id"] != "a b\x7f" * 100


def test_origins_are_a_list(make_stand: Callable[..., Stand]) -> None:
    stand = make_stand("evolution", server_origins=("https://board.example",))
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}

    named = stand.request("OPTIONS", PATH, {"Origin": "https://board.example", **ask})
    other = stand.request("OPTIONS", PATH, {"Origin": "https://evil.example", **ask})

    assert named.headers["access-control-allow-origin"] == "https://board.example"
    assert "access-control-allow-credentials" not in named.headers
    assert "access-control-allow-origin" not in other.headers


def test_the_star_is_no_origin(make_stand: Callable[..., Stand]) -> None:
    with pytest.raises(ValueError, match="every one must be named"):
        make_stand("evolution", server_origins=("*",))


@pytest.mark.parametrize("service", ["evolution", "indexagent"])
def test_an_error_of_ours_tells_nobody_what_it_was(
    make_stand: Callable[..., Stand], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = make_stand(service)
    monkeypatch.setattr(stand.store.discoveries, "averages", lambda: 1 / 0)
    monkeypatch.setattr(stand.store.agents, "figures", lambda *times: 1 / 0)

    answer = stand.request("GET", PATH, stand.bearer("viewer"))

    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "Zero" not in answer.text


@pytest.mark.parametrize("service", ["evolution", "indexagent"])
def test_denials_and_changes_are_on_record_and_credentials_are_not(
    make_stand: Callable[..., Stand], service: str
) -> None:
    stand = make_stand(service)
    made, key = stand.store.api_keys.create("board", ["viewer"])
    write = "/evolution/start" if stand.service == "evolution" else "/agents"
    token = stand.token("service", subject="caller")
    stand.request("GET", PATH, {"Authorization": "Bearer junk-token"})
    stand.request("POST", write, {"X-API-Key": key}, json={})
    stand.request("POST", write, {"Authorization": f"Bearer {token}"}, json={})
    stand.request("GET", PATH, {"Authorization": f"Bearer {token}"})
    flush_audit(stand)

    entries = {(entry.action, entry.user, entry.resource, entry.outcome) for entry in stand.store.audit.recent()}

    assert entries == {
        ("denied", "address 127.0.0.1", f"GET {PATH}", "401"),
        ("key_used", made.id, made.id, "accepted"),
        ("denied", made.id, f"POST {write}", "403"),
        ("call", made.id, f"POST {write}", "403"),
        ("call", "caller", f"POST {write}", "422"),
    }
    assert not [secret for secret in (key, token, "junk-token") if secret in str(entries)]


def test_a_flood_is_counted_not_listed(evolution: Stand) -> None:
    evolution.requests([("GET", f"/probe/{number}", {}, {}) for number in range(3)])
    evolution.requests([("GET", PATH, {}, {})] * 5)
    flush_audit(evolution)

    times = {entry.resource: entry.times for entry in evolution.store.audit.recent()}
    assert times[f"GET {PATH}"] == 5


def test_an_audit_that_cannot_be_written_is_kept_for_later(evolution: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = StoredAudit(evolution.store.audit, Threads(1))
    audit.record(Deed("call", "ann", "POST /x", "202"))

    def fail(counted: object) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patched:
        patched.setattr(evolution.store.audit, "add_all", fail)
        asyncio.run(audit.flush())
    assert evolution.store.audit.count() == 0
    asyncio.run(audit.flush())
    assert evolution.store.audit.count() == 1


def test_old_entries_go(evolution: Stand) -> None:
    evolution.store.audit.add("call", "ann", "POST /x", "202")

    assert evolution.store.audit.remove_old(timedelta(days=90)) == 0
    assert evolution.store.audit.remove_old(timedelta(microseconds=-1)) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Kx9", "shorter than 32 characters"),
        ("k-1:" + "change-me-" * 8, "can be guessed"),
        ("k-1:" + "a" * 64, "can be guessed"),
        ("", "No signing key"),
    ],
)
def test_a_server_with_a_bad_signing_key_does_not_start(evolution: Stand, text: str, sentence: str) -> None:
    evolution.settings.signing_keys_file.write_text(text)

    with pytest.raises(ConfigurationError, match=sentence) as refused:
        build_evolution_app(evolution.settings, evolution.store)
    assert text == "" or text not in str(refused.value)


def test_a_server_without_a_signing_key_says_how_to_make_one(evolution: Stand) -> None:
    evolution.settings.signing_keys_file.unlink()

    with pytest.raises(ConfigurationError, match="`airflow dean auth signing-keys rotate` makes one"):
        build_evolution_app(evolution.settings, evolution.store)


def test_in_production_a_key_that_others_can_read_is_refused(make_stand: Callable[..., Stand]) -> None:
    path = make_stand("evolution").settings.signing_keys_file
    path.chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_signing_keys(path)
    assert read_signing_keys(path, production=False)


def flush_audit(stand: Stand) -> None:
    """Writes what the server would write within the next second."""
    gate = next(layer for layer in stand.app.user_middleware if "audit" in layer.kwargs)
    audit = gate.kwargs["audit"]
    asyncio.run(audit.flush())
