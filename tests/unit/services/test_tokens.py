"""Service tokens: who is accepted, and everything that is not."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from dean_airflow.errors import ConfigurationError
from dean_airflow.services.tokens import (
    InvalidToken,
    SigningKey,
    SigningKeys,
    generate_key,
    mint,
    verify,
)

NOW = 1_900_000_000.0
KEYS = SigningKeys((generate_key(),))
CLAIMS: dict[str, Any] = {
    "sub": "dean-airflow", "username": "dean", "roles": ["service"], "type": "service", "iat": NOW, "exp": NOW + 60,
    "jti": "1", "iss": "dean-airflow", "aud": "evolution",
}  # fmt: skip


def check(token: str, keys: SigningKeys = KEYS, at: float = NOW) -> Any:
    return verify(token, keys, audience="evolution", now=lambda: at)


def token(changes: dict[str, Any] | None = None, leave_out: str = "", **header: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **(changes or {})}.items() if name != leave_out}
    algorithm = header.pop("algorithm", "HS256")
    secret = header.pop("secret", KEYS.newest.secret)
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": KEYS.newest.kid, **header})


def test_what_is_minted_is_accepted() -> None:
    minted = mint(
        KEYS, subject="dean-airflow", username="ada", roles=["service"], audience="evolution", now=lambda: NOW
    )
    claims = check(minted)
    assert (claims.subject, claims.username, claims.roles, claims.type) == (
        "dean-airflow",
        "ada",
        ("service",),
        "service",
    )
    assert claims.expires_at == NOW + 24 * 3600
    assert claims.kid == KEYS.newest.kid


def test_two_tokens_differ() -> None:
    same = {"subject": "a", "username": "a", "roles": [], "audience": "x"}
    assert mint(KEYS, **same) != mint(KEYS, **same)


@pytest.mark.parametrize(
    "bad",
    [
        token({"exp": NOW - 61}),
        token({"nbf": NOW + 61}),
        token({"iat": NOW + 61}),
        token({"exp": True}),
        token({"iss": "someone"}),
        token({"aud": "indexagent"}),
        token({"aud": ["evolution", "indexagent"]}),
        token({"type": "refresh"}),
        token({"type": 1}),
        token({"roles": "service"}),
        token({"roles": [1]}),
        token({"sub": ""}),
        *(token(leave_out=name) for name in ("sub", "username", "roles", "type", "iat", "exp", "iss", "aud")),
        token(secret="another secret of more than 32 characters"),
        token(kid="unknown"),
        token(kid=""),
        token(algorithm="HS384"),
        jwt.encode(CLAIMS, None, algorithm="none", headers={"kid": KEYS.newest.kid}),
        "",
        "junk",
        "a.b.c",
        "....",
        "é.é.é",
        token()[:-4] + "AAAA",
    ],
)  # fmt: skip
def test_what_is_refused(bad: str) -> None:
    with pytest.raises(InvalidToken):
        check(bad)


def test_a_tampered_claim_is_refused() -> None:
    head, _, signature = token().split(".")
    body = urlsafe_b64encode(json.dumps({**CLAIMS, "roles": ["admin"]}).encode()).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        check(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("change", [{"exp": NOW - 59}, {"nbf": NOW + 59}, {"iat": NOW + 59}, {"type": "access"}])
def test_a_minute_of_skew_is_tolerated(change: dict[str, Any]) -> None:
    assert check(token(change)).username == "dean"


def test_a_rotated_key_verifies_for_a_day_more() -> None:
    old_token = token({"exp": NOW + 10 * 86_400})
    keys = KEYS.rotated(datetime.fromtimestamp(NOW, UTC))
    new_token = mint(keys, subject="a", username="a", roles=[], audience="evolution", now=lambda: NOW, life=10 * 86_400)

    assert jwt.get_unverified_header(new_token)["kid"] == keys.newest.kid != KEYS.newest.kid
    assert check(old_token, keys, NOW + 86_399)
    assert check(new_token, keys, NOW + 86_401)
    with pytest.raises(InvalidToken, match="retired"):
        check(old_token, keys, NOW + 86_401)


def test_a_rotation_drops_keys_past_their_overlap_and_keeps_when_others_retired() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    first = KEYS.rotated(start)
    second = first.rotated(start + timedelta(hours=1))
    third = second.rotated(start + timedelta(hours=24, minutes=30))
    assert [key.retired_at for key in second.keys] == [None, start + timedelta(hours=1), start]
    assert [key.kid for key in third.keys[1:]] == [second.newest.kid, first.newest.kid]


def test_keys_survive_their_text_form() -> None:
    keys = KEYS.rotated(datetime(2030, 1, 1, tzinfo=UTC))
    assert SigningKeys.parse(keys.text()) == keys
    assert SigningKeys.parse(keys.text().replace("\n", ",")) == keys


def test_a_secret_alone_has_the_same_kid_everywhere_and_it_gives_nothing_away() -> None:
    secret = "correct horse battery staple, and more"
    one, other = SigningKeys.parse(secret.replace(",", "")), SigningKeys.parse(secret.replace(",", ""))
    assert one == other
    assert one.newest.kid not in secret


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "No signing key"),
        ("short", "shorter than 32"),
        ("k:" + "a" * 40, "guessed"),
        ("changeme-changeme-changeme-changeme-1", "guessed"),
        (f"k:{KEYS.newest.secret}\nk:{KEYS.newest.secret}x", "same kid"),
        (f"k:{KEYS.newest.secret}@2030-13-45T00:00:00Z", "no time"),
    ],
)
def test_keys_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        SigningKeys.parse(text)
    assert KEYS.newest.secret not in str(raised.value)


def test_generated_keys_are_long_and_hidden() -> None:
    key = generate_key()
    assert len(key.secret) >= 64
    assert key.secret not in repr(SigningKeys((key,)))
    assert generate_key() != key
    assert isinstance(key, SigningKey)
