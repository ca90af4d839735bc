"""From an answer that is none of the 2xx to the error that says what it means."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dean_airflow.services.call import Reply
from dean_airflow.services.errors import (
    AuthenticationError,
    ConflictError,
    ContractViolation,
    NotFound,
    PermissionDenied,
    RateLimited,
    RejectedRequest,
    ServiceError,
    ServiceFault,
    ServiceUnavailable,
)
from dean_airflow.services.lenient import error_detail

_KINDS: dict[int, tuple[type[ServiceError], str]] = {
    401: (AuthenticationError, "does not accept the credential; check the connection"),
    403: (PermissionDenied, "does not let this caller do that; give it the role it needs"),
    404: (NotFound, "does not know that"),
    409: (ConflictError, "refuses because of a conflict"),
    429: (RateLimited, "asks to be called less often"),
    502: (ServiceUnavailable, "cannot be reached behind its gateway; try again later"),
    503: (ServiceUnavailable, "is not available; try again later"),
    504: (ServiceUnavailable, "waited too long for something behind it; try again later"),
}


def refusal(reply: Reply) -> ServiceError:
    """The error of the answer; its sentence ends with what the service itself said."""
    kind, says = _KINDS.get(reply.status) or _kind_of_class(reply.status)
    said = _said(reply)
    message = f"The service {reply.service} {says} ({reply.status} at {reply.url})" + (f": {said}" if said else "")
    return kind(
        message.rstrip(".") + ".",
        service=reply.service,
        url=reply.url,
        status=reply.status,
        body=reply.body,
        attempts=reply.attempts,
        retry_after=retry_after(reply, datetime.now(UTC)),
    )


def retry_after(reply: Reply, now: datetime) -> float | None:
    """Seconds of a Retry-After, given as seconds or as a date; None where there is none that can be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with contextlib.suppress(ValueError, TypeError):
        moment = parsedate_to_datetime(text)
        return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
    return None


def is_invalid_token(reply: Reply) -> bool:
    """Airflow answers 403, not 401, to a token whose signature it does not know (its key was changed, for example)."""
    return "invalid jwt" in _said(reply).lower()


def _kind_of_class(status: int) -> tuple[type[ServiceError], str]:
    if status >= 500:
        return ServiceFault, "failed"
    if status >= 400:
        return RejectedRequest, "refuses the request"
    return ContractViolation, "answered with what is no result; if it moved, put its new address into the connection"


def _said(reply: Reply) -> str:
    with contextlib.suppress(ServiceError):
        return error_detail(reply.json())[:300].strip()
    return ""
