"""From a configured credential to the headers of a request, renewed before it expires and when it is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import jwt

from dean_airflow.services.contract.capabilities import API_KEY_HEADER, SERVICE_TOKEN_NAME
from dean_airflow.services.credentials import ServiceToken
from dean_airflow.services.tokens import RENEW_BELOW, SigningKeys, mint

Headers = dict[str, str]


class Authenticator(Protocol):
    async def headers(self) -> Headers:
        """What proves who calls. Raises ServiceError where nothing can be had."""
        ...

    async def renew(self, refused: Headers) -> bool:
        """Whether there is another credential now than the one refused."""
        ...


class FixedHeaders:
    """A credential that stays as it is."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    async def headers(self) -> Headers:
        return self._headers

    async def renew(self, refused: Headers) -> bool:
        return False


@dataclass(frozen=True)
class Token:
    """`expires_at` in seconds since the epoch, None where it cannot be known; `life` is what it had when it came."""

    text: str
    expires_at: float | None
    life: float | None

    def is_good(self, now: float) -> bool:
        """Whether more than 300 s are left, or half of its life if that is shorter than ten minutes."""
        if self.expires_at is None or self.life is None:
            return True
        return self.expires_at - now > min(RENEW_BELOW, self.life / 2)


class RenewedToken:
    """A token that `fetch` gives, kept until it is about to expire or is refused; fetched once for all who need it."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[str]],
        *,
        header: str = "Authorization",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._header = header
        self._now = now
        self._token: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    async def headers(self) -> Headers:
        token = self._token
        if token is None or not token.is_good(self._now()):
            token = await self._fetched()
        return self._written(token)

    async def renew(self, refused: Headers) -> bool:
        if self._token is not None and self._written(self._token) == refused:
            await self._fetched()
        return True

    async def _fetched(self) -> Token:
        """The new token, or what fetching it raised; shared by all who wait, so that a wrong password is sent once."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._new_token())
            self._fetching.add_done_callback(self._end_fetching)
        # One who is cancelled does not take the others' token along.
        return await asyncio.shield(self._fetching)

    async def _new_token(self) -> Token:
        text = await self._fetch()
        expires_at = _expiry(text)
        self._token = Token(text, expires_at, None if expires_at is None else expires_at - self._now())
        return self._token

    def _end_fetching(self, fetching: asyncio.Task[Token]) -> None:
        self._fetching = None
        if not fetching.cancelled():
            fetching.exception()  # known to those who wait, if there are any

    def _written(self, token: Token) -> Headers:
        bearer = self._header == "Authorization"
        return {self._header: f"Bearer {token.text}" if bearer else token.text}


def minted(credential: ServiceToken, now: Callable[[], float] = time.time) -> RenewedToken:
    """A token of one's own making."""

    async def fetch() -> str:
        keys = credential.keys
        return mint(
            keys if isinstance(keys, SigningKeys) else await asyncio.to_thread(keys),
            subject=credential.subject,
            username=credential.username,
            roles=credential.roles,
            audience=credential.audience,
            life=credential.life,
            now=now,
        )

    return RenewedToken(fetch, header=SERVICE_TOKEN_NAME if credential.own_header else "Authorization", now=now)


def bearer(token: str) -> FixedHeaders:
    return FixedHeaders({"Authorization": f"Bearer {token}"})


def api_key(key: str) -> FixedHeaders:
    return FixedHeaders({API_KEY_HEADER: key})


def nothing() -> FixedHeaders:
    return FixedHeaders({})


def _expiry(token: str) -> float | None:
    """What a token says of its own end; whether it says so truly is for the service to check."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        return None
