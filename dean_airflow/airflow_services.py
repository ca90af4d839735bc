"""The services as Airflow knows them: connections of DEAN's own types, and settings where there is no connection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from dean_airflow.airflow_settings import connection_or_none
from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.services.credentials import (
    AirflowLogin,
    ApiKey,
    BearerToken,
    Credential,
    NoCredential,
    ServiceToken,
)
from dean_airflow.services.endpoint import Kind, ServiceEndpoint
from dean_airflow.services.server.keyring import read_signing_keys
from dean_airflow.services.tokens import SigningKeys

if TYPE_CHECKING:
    from airflow.sdk import Connection

Service = Literal["evolution", "indexagent", "airflow"]
Authentication = Literal["none", "api-key", "service-token", "bearer", "airflow"]

CONNECTIONS: dict[Service, str] = {
    "evolution": "dean_evolution",
    "indexagent": "dean_indexagent",
    "airflow": "dean_airflow_api",
}
"""The connection of each service: its id where none is named, and its type."""
_DEFAULT_LOGINS = {("admin", "admin"), ("airflow", "airflow")}
AUTHENTICATIONS = ("none", "api-key", "service-token", "bearer", "airflow")


def endpoints(settings: Settings) -> list[ServiceEndpoint]:
    """The services that are configured: a connection wins over a setting. Raises ConfigurationError."""
    found = (endpoint_or_none(service, settings) for service in CONNECTIONS)
    return [endpoint for endpoint in found if endpoint is not None]


def endpoint_or_none(service: Service, settings: Settings, connection_id: str | None = None) -> ServiceEndpoint | None:
    """One service by its connection (`dean_evolution`, ... where none is named), else by its setting, else None.

    Raises ConfigurationError.
    """
    connection = connection_or_none(connection_id or CONNECTIONS[service])
    if connection is not None:
        return endpoint_of(connection, service, settings)
    url = {
        "evolution": settings.evolution_url,
        "indexagent": settings.indexagent_url,
        "airflow": settings.airflow_url,
    }[service]
    if not url or connection_id is not None:
        return None
    return ServiceEndpoint(service, service, url, _own_token(service, settings))


def endpoint_of(connection: Connection, service: Service, settings: Settings) -> ServiceEndpoint:
    """A connection as an endpoint, named after the connection. Raises ConfigurationError."""
    extra = dict(connection.extra_dejson)
    where = f"The connection {connection.conn_id}"
    timeout = extra.get("timeout")
    if timeout in ("", None):
        timeout = None
    elif isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise ConfigurationError(f"{where} has the timeout {timeout!r}, which is no number of seconds.")
    required = extra.get("required")
    return ServiceEndpoint(
        name=connection.conn_id,
        kind=cast(Kind, service),
        url=url_of(connection, where),
        credential=_credential(connection, service, extra, settings, where),
        timeout=timeout,
        required=True if required is None else bool(required),
        prefix=str(extra.get("prefix") or ""),
        ca_file=str(extra["ca_file"]) if extra.get("ca_file") else None,
    )


def url_of(connection: Connection, where: str) -> str:
    """The host may hold a whole URL, as the http provider's may; the scheme is http where none is named."""
    host = (connection.host or "").strip()
    if not host:
        raise ConfigurationError(f"{where} has no host; put the service's address there.")
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = connection.schema or "http", host
    authority, slash, path = rest.partition("/")
    if connection.port:
        authority = f"{authority}:{connection.port}"
    return f"{scheme}://{authority}{slash}{path}".rstrip("/")


def _credential(
    connection: Connection, service: Service, extra: dict[str, Any], settings: Settings, where: str
) -> Credential:
    login, password = connection.login or "", connection.password or ""
    chosen = extra.get("authentication") or _usual(login, password)
    if chosen == "own":
        return _own_token(service, settings)
    if chosen == "none":
        return NoCredential()
    if chosen not in AUTHENTICATIONS:
        raise ConfigurationError(
            f"{where} asks for the authentication {chosen!r}; it must be one of {', '.join(AUTHENTICATIONS)}."
        )
    if chosen == "service-token" and not password:
        return _own_token(service, settings, where)
    if not password:
        raise ConfigurationError(f"{where} has no password, which authentication by {chosen} needs.")
    if chosen == "api-key":
        return ApiKey(password)
    if chosen == "bearer":
        return BearerToken(password)
    if chosen == "airflow":
        if not login:
            raise ConfigurationError(f"{where} has no login, which authentication by airflow needs.")
        if settings.environment == "production" and (login, password) in _DEFAULT_LOGINS:
            raise ConfigurationError(
                f"{where} has a login that everyone knows, which is refused in production; give that user a password."
            )
        return AirflowLogin(login, password)
    return ServiceToken(
        SigningKeys.parse(password),
        audience=str(extra.get("audience") or service),
        username=login or "dean",
        own_header=bool(extra.get("own_header")),
    )


def _usual(login: str, password: str) -> str:
    """Where a connection does not say how: login and password are Airflow's, a password alone is an API key."""
    if login and password:
        return "airflow"
    return "api-key" if password else "own"


def _own_token(service: Service, settings: Settings, wanted_by: str = "") -> Credential:
    """A token signed with the keys of this installation, where it has any; Airflow knows nothing of them."""
    file = settings.signing_keys_file
    if service != "airflow" and file.is_file():
        read = partial(read_signing_keys, file, production=settings.environment == "production")
        read()  # what is wrong with them is said here, not at the first call
        return ServiceToken(read, audience=service)
    if wanted_by:
        raise ConfigurationError(
            f"{wanted_by} has no password, and this installation no signing keys in {file}: put the service's there."
        )
    return NoCredential()
