"""The signing keys of DEAN's servers: a new key is verified everywhere before it signs, an old one after it does not.

A value is `kid:secret`, as a line of the file is. Writers of the file take turns by a lock beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dean_airflow.deployment.secrets.target import Acceptance
from dean_airflow.errors import ConfigurationError, DeploymentError
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import ServiceError
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.server.keyring import read_signing_keys, write_signing_keys
from dean_airflow.services.tokens import SigningKey, SigningKeys, generate_key, mint

TRIAL_LIFE = 60.0
"""Seconds that the token lives by which a key is tried."""
SECONDS = 5.0


class SigningKeysTarget:
    """`accepted_by` are addresses that ask for a service token, by the audience of their tokens."""

    overlaps = True

    def __init__(
        self,
        path: Path,
        accepted_by: Mapping[str, str],
        *,
        production: bool = True,
        name: str = "signing_keys",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path, self._accepted_by, self._production = path, accepted_by, production
        self.name, self._now = name, now

    def read(self) -> str:
        return _value(self._keys().newest)

    def generate(self) -> str:
        return _value(generate_key())

    def add(self, old: str, new: str) -> None:
        """At the end: it verifies, and does not sign yet."""
        with self._changing() as keys:
            fresh = _key(new)
            if keys.named(fresh.kid) is None:
                self._write(SigningKeys((*keys.keys, fresh)))

    def switch(self, old: str, new: str) -> None:
        with self._changing() as keys:
            before, fresh = _key(old), _key(new)
            known = keys.named(before.kid)
            retired = SigningKey(before.kid, before.secret, (known and known.retired_at) or self._now())
            others = [key for key in keys.keys if key.kid not in (before.kid, fresh.kid)]
            self._write(SigningKeys((fresh, retired, *others)))

    def retire(self, old: str, new: str) -> None:
        with self._changing() as keys:
            self._write(SigningKeys(tuple(key for key in keys.keys if key.kid != _key(old).kid)))

    def restore(self, old: str, new: str) -> None:
        with self._changing() as keys:
            before = _key(old)
            others = [key for key in keys.keys if key.kid not in (before.kid, _key(new).kid)]
            self._write(SigningKeys((before, *others)))

    def acceptance(self, value: str) -> Acceptance:
        """By asking each address with a token that the key has signed. Raises DeploymentError for one that is down."""
        accepted = [self._accepts(audience, url, value) for audience, url in self._accepted_by.items()]
        if not accepted:
            return "unknown"
        return "accepted" if all(accepted) else "partly" if any(accepted) else "refused"

    def shown(self, value: str) -> tuple[str, ...]:
        return (_key(value).secret,)

    def _accepts(self, audience: str, url: str, value: str) -> bool:
        token = mint(
            SigningKeys((_key(value),)),
            subject="dean-rotation",
            username="dean-rotation",
            roles=("service", "viewer"),
            audience=audience,
            life=TRIAL_LIFE,
        )
        status = asyncio.run(_status(url, token))
        if status >= 500:
            raise DeploymentError(f"{url} answers {status}; whether it takes the key is not known.")
        return status != 401

    @contextmanager
    def _changing(self) -> Iterator[SigningKeys]:
        from dean_airflow.evolution.target.file_lock import file_lock

        with file_lock(self._path.with_name(f".{self._path.name}.lock")):
            yield self._keys()

    def _keys(self) -> SigningKeys:
        try:
            return read_signing_keys(self._path, production=self._production)
        except ConfigurationError as error:
            raise DeploymentError(str(error)) from None

    def _write(self, keys: SigningKeys) -> None:
        try:
            write_signing_keys(self._path, keys)
        except OSError as error:
            raise DeploymentError(f"The signing keys cannot be written to {self._path}: {error.strerror}.") from None


async def _status(url: str, token: str) -> int:
    endpoint = ServiceEndpoint("server", "http", url, BearerToken(token), breaker=BreakerLimits(enabled=False))
    try:
        async with ServicePool([endpoint]) as pool:
            return (await pool.http("server").get(seconds=SECONDS)).status
    except ServiceError as error:
        raise DeploymentError(f"{url} cannot be asked whether it takes the key: {error}") from None


def _value(key: SigningKey) -> str:
    return f"{key.kid}:{key.secret}"


def _key(value: str) -> SigningKey:
    kid, _, secret = value.partition(":")
    return SigningKey(kid, secret)
