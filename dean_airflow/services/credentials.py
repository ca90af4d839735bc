"""Credentials as they are configured. What they are turned into for a request is the business of `authentication`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dean_airflow.services.tokens import LIFE, SigningKeys


@dataclass(frozen=True)
class NoCredential:
    """The service asks for none."""


@dataclass(frozen=True)
class BearerToken:
    """A token made elsewhere; it cannot be renewed."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class ApiKey:
    """Sent as X-API-Key."""

    key: str = field(repr=False)


@dataclass(frozen=True)
class ServiceToken:
    """DEAN mints its own token with a key that the service knows: life 24 h, renewed when under 300 s are left.

    `keys` may be a function that reads them, so that a renewal is signed with the key that is the newest by then.
    `subject` and `username` say who calls, `audience` is the called service. `life` is in seconds. With `own_header` it
    goes out as X-DEAN-Service-Token, which leaves Authorization to a proxy (ext `service-token-header`).
    """

    keys: SigningKeys | Callable[[], SigningKeys]
    audience: str
    subject: str = "dean-airflow"
    username: str = "dean"
    roles: tuple[str, ...] = ("service",)
    life: float = LIFE
    own_header: bool = False


@dataclass(frozen=True)
class AirflowLogin:
    """Logs in at Airflow's `/auth/token`, again on 401: Airflow has no refresh."""

    username: str
    password: str = field(repr=False)


Credential = NoCredential | BearerToken | ApiKey | ServiceToken | AirflowLogin
