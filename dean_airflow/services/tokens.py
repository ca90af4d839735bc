"""Service tokens: minting them with the newest key, verifying them with every key that is live.

HS256 only. The keys are one text, so that they fit a setting or a connection's password: one `kid:secret` a line (or
comma-separated), newest first; an older one may say when it was retired: `kid:secret@2025-12-31T00:00:00Z`. After that
it verifies for 24 h more. A secret alone gets a kid made from it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt

from dean_airflow.errors import ConfigurationError, DeanError

ALGORITHM = "HS256"
ISSUER = "dean-airflow"
LIFE = 86_400.0
"""Seconds a service token lives."""
ACCESS_LIFE = 1800.0
"""Seconds an access token may live, where a service has users of its own."""
RENEW_BELOW = 300.0
"""Seconds left of a token below which its holder renews it."""
SKEW = 60.0
"""Seconds by which another machine's clock may differ."""
OVERLAP = timedelta(hours=24)
"""How long a retired key still verifies."""
SHORTEST_KEY = 32
GENERATED_BYTES = 48
"""64 characters of URL-safe base64."""
ACCEPTED_TYPES = ("service", "access")
_REQUIRED = ("sub", "username", "roles", "type", "iat", "exp", "iss", "aud")
_RETIRED = re.compile(r"(.*)@(\d{4}-\d\d-\d\d\S*)$")
_DEFAULT_SECRETS = re.compile(r"(?i)^(change.?me|default|secret|example|password|insecure)")


class InvalidToken(DeanError):
    """The token is not accepted; the text says why, for the audit and never for the caller."""


@dataclass(frozen=True)
class SigningKey:
    """`retired_at` is when a newer one took over; None for the newest."""

    kid: str
    secret: str = field(repr=False)
    retired_at: datetime | None = None

    def verifies(self, now: datetime) -> bool:
        return self.retired_at is None or now < self.retired_at + OVERLAP


@dataclass(frozen=True)
class SigningKeys:
    """Newest first. Raises ConfigurationError: none, one shorter than 32 characters, a well-known one, a kid twice."""

    keys: tuple[SigningKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise ConfigurationError("No signing key is set; `openssl rand -base64 48` makes one.")
        for key in self.keys:
            if len(key.secret) < SHORTEST_KEY:
                raise ConfigurationError(
                    f"The signing key {key.kid} is shorter than {SHORTEST_KEY} characters; "
                    "`openssl rand -base64 48` makes a good one."
                )
            if _DEFAULT_SECRETS.match(key.secret) or len(set(key.secret)) < 8:
                raise ConfigurationError(
                    f"The signing key {key.kid} can be guessed; `openssl rand -base64 48` makes a good one."
                )
        if len({key.kid for key in self.keys}) < len(self.keys):
            raise ConfigurationError("Two signing keys have the same kid.")

    @property
    def newest(self) -> SigningKey:
        return self.keys[0]

    def named(self, kid: str) -> SigningKey | None:
        return next((key for key in self.keys if key.kid == kid), None)

    @classmethod
    def parse(cls, text: str) -> SigningKeys:
        """From the text form above. Raises ConfigurationError."""
        lines = [line.strip() for line in re.split(r"[\n,]", text) if line.strip()]
        return cls(tuple(_parse_key(line) for line in lines))

    def rotated(self, now: datetime, new: SigningKey | None = None) -> SigningKeys:
        """With a new newest key; the newest so far is retired now, keys past their overlap are left out."""
        new = new or generate_key()
        before = self.newest if self.newest.retired_at else SigningKey(self.newest.kid, self.newest.secret, now)
        kept = [key for key in (before, *self.keys[1:]) if key.verifies(now)]
        return SigningKeys((new, *kept))

    def text(self) -> str:
        """The text form, which holds the secrets."""
        return "\n".join(
            f"{key.kid}:{key.secret}" + (f"@{key.retired_at.isoformat()}" if key.retired_at else "")
            for key in self.keys
        )


@dataclass(frozen=True)
class Claims:
    """Who a verified token speaks for. `expires_at` is in seconds since the epoch."""

    subject: str
    username: str
    roles: tuple[str, ...]
    type: Literal["service", "access"]
    expires_at: float
    token_id: str
    kid: str


def generate_key() -> SigningKey:
    """A key of 64 characters from the system's randomness."""
    return SigningKey("k-" + secrets.token_hex(6), secrets.token_urlsafe(GENERATED_BYTES))


def mint(
    keys: SigningKeys,
    *,
    subject: str,
    username: str,
    roles: Iterable[str],
    audience: str,
    issuer: str = ISSUER,
    life: float = LIFE,
    type: str = "service",
    now: Callable[[], float] = time.time,
) -> str:
    """A token signed by the newest key; `life` in seconds from `now`."""
    issued = now()
    claims = {
        "sub": subject,
        "username": username,
        "roles": list(roles),
        "type": type,
        "iat": int(issued),
        "exp": int(issued + life),
        "jti": secrets.token_hex(16),
        "iss": issuer,
        "aud": audience,
    }
    return jwt.encode(claims, keys.newest.secret, algorithm=ALGORITHM, headers={"kid": keys.newest.kid})


def verify(
    token: str,
    keys: SigningKeys,
    *,
    audience: str,
    issuer: str = ISSUER,
    now: Callable[[], float] = time.time,
) -> Claims:
    """What a token says, once everything about it is right. Raises InvalidToken.

    Refused: another algorithm, no or an unknown kid, a key past its overlap, a wrong signature, `aud` or `iss`, expired
    or not yet valid by more than 60 s, a claim missing or of the wrong type, another type than service or access.
    """
    moment = now()
    key = _key_of(token, keys, datetime.fromtimestamp(moment, UTC))
    try:
        claims = jwt.decode(
            token,
            key.secret,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            # The times are checked below, against the clock that was given.
            options={
                "require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                "strict_aud": True,
            },
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise InvalidToken(f"The token is refused: {error}.") from None
    _check_times(claims, moment)
    return _typed(claims, key.kid)


def _key_of(token: str, keys: SigningKeys, now: datetime) -> SigningKey:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken(f"The token is malformed: {error}.") from None
    if header.get("alg") != ALGORITHM:
        raise InvalidToken(f"The token is signed with {header.get('alg')!r}, only {ALGORITHM} is accepted.")
    key = keys.named(str(header.get("kid", "")))
    if key is None:
        raise InvalidToken("The token names a signing key that is not known here.")
    if not key.verifies(now):
        raise InvalidToken(f"The token is signed by the key {key.kid}, which was retired.")
    return key


def _check_times(claims: dict[str, Any], now: float) -> None:
    for name in ("exp", "iat", "nbf"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float)):
            raise InvalidToken(f"The token's {name} is no number.")
    if claims["exp"] + SKEW <= now:
        raise InvalidToken("The token has expired.")
    if claims.get("nbf", 0) - SKEW > now or claims["iat"] - SKEW > now:
        raise InvalidToken("The token is not valid yet.")


def _typed(claims: dict[str, Any], kid: str) -> Claims:
    for name in ("sub", "username", "type"):
        if not isinstance(claims[name], str) or not claims[name]:
            raise InvalidToken(f"The token's {name} is no text.")
    roles = claims["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise InvalidToken("The token's roles are no list of names.")
    if claims["type"] not in ACCEPTED_TYPES:
        raise InvalidToken(f"A token of type {claims['type']!r} is not accepted.")
    return Claims(
        subject=claims["sub"],
        username=claims["username"],
        roles=tuple(roles),
        type=claims["type"],
        expires_at=float(claims["exp"]),
        token_id=str(claims.get("jti", "")),
        kid=kid,
    )


def _parse_key(line: str) -> SigningKey:
    found = _RETIRED.match(line)
    line, retired = found.groups() if found else (line, "")
    kid, colon, secret = line.partition(":")
    if not colon:
        secret = line
        # Every process that knows the secret must come to the same kid, and the kid is public.
        kid = "k-" + hashlib.sha256(b"dean kid " + secret.encode()).hexdigest()[:12]
    if not retired:
        return SigningKey(kid, secret)
    try:
        moment = datetime.fromisoformat(retired)
    except ValueError:
        raise ConfigurationError(f"The signing key {kid} was retired at {retired!r}, which is no time.") from None
    return SigningKey(kid, secret, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
