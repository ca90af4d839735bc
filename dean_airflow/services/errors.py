"""What calling a service can raise. Each error carries the service, the URL, the status and the body, masked."""

from __future__ import annotations

from typing import Any

from dean_airflow.errors import ConfigurationError, DeanError
from dean_airflow.services.masking import mask, shown_body


class ServiceNotConfigured(ConfigurationError):
    """A service is needed that no connection and no setting names."""


class ServiceError(DeanError):
    """`status` is the HTTP status or None where no answer came; `attempts` is how often the call was tried.

    `retry_after` is for how many seconds the service asked to be left alone, where it did.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        url: str = "",
        status: int | None = None,
        body: bytes | str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(mask(message))
        self.service = service
        self.url = mask(url)
        self.status = status
        self.body = shown_body(body)
        self.attempts = attempts
        self.retry_after = retry_after


class PoolClosed(ServiceError):
    """The pool was closed before the call was done."""


class ServiceUnavailable(ServiceError):
    """No connection, a broken one, or 502, 503 or 504 to the last attempt.

    `may_have_arrived` is False only where the request surely never reached the service, so that sending it again cannot
    do anything twice.
    """

    def __init__(self, message: str, *, may_have_arrived: bool = True, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.may_have_arrived = may_have_arrived


class ServiceTimeout(ServiceUnavailable):
    """No whole answer came within the call's deadline."""


class CircuitOpen(ServiceUnavailable):
    """The service failed so often lately that it is not called; `retry_after` says when it is tried again."""


class ServiceFault(ServiceError):
    """The service failed: 500 or another 5xx."""


class AuthenticationError(ServiceError):
    """401, after the credential was renewed once; or no credential can be had."""


class PermissionDenied(ServiceError):
    """403: the credential is good, its role is not."""


class RejectedRequest(ServiceError):
    """The service refuses the request (4xx): 400 a rule, 422 schema or range."""


class NotFound(RejectedRequest):
    """404: no such thing."""


class ConflictError(RejectedRequest):
    """409, or what DEAN sees to be a conflict before it asks."""


class DagPaused(ConflictError):
    """The DAG is paused: Airflow would accept the run and leave it queued."""


class RateLimited(RejectedRequest):
    """429 to the last attempt, or asked to wait longer than the deadline allows."""


class ContractViolation(ServiceError):
    """The answer is not what the contract says: no JSON, a field missing or of the wrong type, a redirect."""


class ResponseTooLarge(ContractViolation):
    """The answer's body is longer than the limit of the call."""
