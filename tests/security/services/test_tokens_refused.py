"""Which tokens the servers refuse, and which they do not."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest

from dean_airflow.services.tokens import SigningKeys, generate_key, mint

from .stand import Stand

PATH = "/evolution/metrics"


def claims(stand: Stand, **changes: object) -> dict[str, object]:
    now = int(time.time())
    known = {
        "sub": "tester", "username": "ann", "roles": ["admin"], "type": "service", "iat": now, "exp": now + 600,
        "jti": "1", "iss": "dean-airflow", "aud": stand.service,
    }  # fmt: skip
    return {name: value for name, value in {**known, **changes}.items() if value is not None}


def signed(stand: Stand, algorithm: str = "HS256", kid: str | None = None, **changes: object) -> str:
    key = stand.keys.newest
    return jwt.encode(claims(stand, **changes), key.secret, algorithm=algorithm, headers={"kid": kid or key.kid})


def tampered(stand: Stand) -> str:
    head, body, signature = signed(stand).split(".")
    return f"{head}.{body}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}"


def widened(stand: Stand) -> str:
    """The roles changed, the signature kept."""
    _, _, signature = signed(stand, roles=["viewer"]).split(".")
    head, body, _ = signed(stand, roles=["admin"]).split(".")
    return f"{head}.{body}.{signature}"


BAD: dict[str, Callable[[Stand], str]] = {
    "expired": lambda stand: signed(stand, exp=int(time.time()) - 61),
    "not valid yet": lambda stand: signed(stand, nbf=int(time.time()) + 120),
    "of the future": lambda stand: signed(stand, iat=int(time.time()) + 120),
    "wrong key": lambda stand: mint(
        SigningKeys((generate_key(),)), subject="s", username="u", roles=["admin"], audience=stand.service
    ),
    "wrong key under a known kid": lambda stand: jwt.encode(
        claims(stand), "w" * 64, algorithm="HS256", headers={"kid": stand.keys.newest.kid}
    ),
    "unknown kid": lambda stand: signed(stand, kid="k-unknown"),
    "no kid": lambda stand: jwt.encode(claims(stand), stand.keys.newest.secret, algorithm="HS256"),
    "HS384": lambda stand: signed(stand, algorithm="HS384"),
    "no algorithm": lambda stand: jwt.encode(
        claims(stand), None, algorithm="none", headers={"kid": stand.keys.newest.kid}
    ),
    "refresh": lambda stand: signed(stand, type="refresh"),
    "no sub": lambda stand: signed(stand, sub=None),
    "no username": lambda stand: signed(stand, username=None),
    "no roles": lambda stand: signed(stand, roles=None),
    "roles as text": lambda stand: signed(stand, roles="admin"),
    "no type": lambda stand: signed(stand, type=None),
    "no end": lambda stand: signed(stand, exp=None),
    "wrong audience": lambda stand: signed(stand, aud="another"),
    "several audiences": lambda stand: signed(stand, aud=[stand.service, "another"]),
    "wrong issuer": lambda stand: signed(stand, iss="somebody"),
    "tampered signature": tampered,
    "tampered roles": widened,
    "malformed: a word": lambda stand: "token",
    "malformed: two parts": lambda stand: "aaaa.bbbb",
    "malformed: not base64": lambda stand: "!!!.???.###",
    "malformed: no JSON": lambda stand: "bm90.anNvbg.c2ln",
    "malformed: four parts": lambda stand: signed(stand) + ".more",
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_refused_with_one_sentence(stand: Stand, case: str) -> None:
    answer = stand.request("GET", PATH, {"Authorization": f"Bearer {BAD[case](stand)}"})

    assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid or expired token")


@pytest.mark.parametrize(("claim", "value"), [("type", "service"), ("type", "access"), ("exp", -20), ("iat", 40)])
def test_a_good_token_is_accepted_clocks_a_minute_apart_included(stand: Stand, claim: str, value: str | int) -> None:
    changes = {claim: int(time.time()) + value if isinstance(value, int) else value}  # of now, not of the collection

    assert stand.request("GET", PATH, {"Authorization": f"Bearer {signed(stand, **changes)}"}).status_code == 200


def test_a_token_may_come_in_its_own_header_but_not_in_a_query(stand: Stand) -> None:
    token = stand.token("viewer")

    assert stand.request("GET", PATH, {"X-DEAN-Service-Token": token}).status_code == 200
    assert stand.request("GET", f"{PATH}?token={token}").status_code == 401


def test_an_answer_never_repeats_a_token(stand: Stand) -> None:
    token = tampered(stand)

    assert token not in stand.request("GET", PATH, {"Authorization": f"Bearer {token}"}).text
