"""From a configured credential to the headers of a request."""

from __future__ import annotations

from typing import Protocol

from dean_airflow.services.contract.capabilities import API_KEY_HEADER
from dean_airflow.services.credentials import ApiKey, BearerToken, Credential, ServiceToken
from dean_airflow.services.tokens import mint


class Authenticator(Protocol):
    async def headers(self) -> dict[str, str]:
        """What proves who calls. Raises AuthenticationError where nothing can be had."""
        ...


class FixedHeaders:
    """A credential that stays as it is."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> dict[str, str]:
        return self._headers


def authenticator_of(credential: Credential) -> Authenticator:
    match credential:
        case BearerToken(token):
            return FixedHeaders({"Authorization": f"Bearer {token}"})
        case ApiKey(key):
            return FixedHeaders({API_KEY_HEADER: key})
        case ServiceToken():
            token = mint(
                credential.keys,
                subject=credential.subject,
                username=credential.username,
                roles=credential.roles,
                audience=credential.audience,
                life=credential.life,
            )
            return FixedHeaders({"Authorization": f"Bearer {token}"})
        case _:
            return FixedHeaders({})
