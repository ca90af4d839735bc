"""A service's address and how to reach it: what an Airflow connection or a setting becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from dean_airflow.errors import ConfigurationError
from dean_airflow.services.credentials import Credential, NoCredential
from dean_airflow.services.masking import mask

Kind = Literal["evolution", "indexagent", "airflow", "http"]

TIMEOUTS: dict[Kind, float] = {"indexagent": 30.0, "airflow": 60.0, "evolution": 120.0, "http": 30.0}
"""Seconds a whole call may take, retries included."""


@dataclass(frozen=True)
class BreakerLimits:
    """When a circuit opens and closes.

    It opens after `failures` in a row, is tried again after `open_seconds`, and closes after `successes` probes in a
    row. `enabled=False` is for endpoints whose failing is what one wants to see, such as watched services.
    """

    failures: int = 5
    open_seconds: float = 60.0
    successes: int = 2
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.failures < 1 or self.successes < 1 or not self.open_seconds > 0:
            raise ConfigurationError(
                "A circuit breaker needs at least 1 failure, 1 success and more than 0 seconds; "
                f"got {self.failures}, {self.successes} and {self.open_seconds}."
            )


@dataclass(frozen=True)
class ServiceEndpoint:
    """`url` is everything before the contract's paths: scheme, host, port and, behind a proxy, a path.

    `prefix` is put between it and the contract's path (`/api/v1` where a service has no routes at its root).
    `timeout` is the deadline of a call in seconds, retries included (None: as the contract has it for the kind).
    Services that are not `required` may be down without making the whole unhealthy. `ca_file` names a CA for TLS.

    Raises ConfigurationError for a URL that is none.
    """

    name: str
    kind: Kind
    url: str
    credential: Credential = field(default_factory=NoCredential)
    timeout: float | None = None
    required: bool = True
    prefix: str = ""
    ca_file: str | None = None
    breaker: BreakerLimits = field(default_factory=BreakerLimits)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"The address of the service {self.name} is {mask(self.url)!r}; it must look like http://host:port."
            )
        if parts.username or parts.password:
            raise ConfigurationError(
                f"The address of the service {self.name} holds a login; it belongs in the connection's own fields."
            )
        if self.timeout is not None and not self.timeout > 0:
            raise ConfigurationError(f"The timeout of the service {self.name} must be more than 0 seconds.")

    @property
    def deadline(self) -> float:
        """Seconds."""
        return self.timeout if self.timeout is not None else TIMEOUTS[self.kind]

    def address(self, path: str = "") -> str:
        """The URL of a path of the contract; the service's own address for an empty path."""
        prefix = "/" + self.prefix.strip("/") if self.prefix.strip("/") else ""
        return self.url.rstrip("/") + prefix + path if path or prefix else self.url

    def websocket_address(self, path: str) -> str:
        """The same with ws for http."""
        return "ws" + self.address(path).removeprefix("http")
