"""Errors: the body of every answer that is none of the 2xx, and the code that belongs to a status."""

from __future__ import annotations

from typing import Any

from dean_airflow.services.contract.base import Answer

CODES = {
    400: "INVALID_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "RESOURCE_NOT_FOUND",
    409: "CONFLICT",
    413: "INVALID_REQUEST",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
    504: "TIMEOUT",
}

MISSING_AUTHENTICATION = "Missing authentication"
INVALID_AUTHENTICATION = "Invalid authentication"
INVALID_TOKEN = "Invalid or expired token"
INSUFFICIENT_PERMISSIONS = "Insufficient permissions"
TRIAL_NOT_FOUND = "Trial not found"


class ErrorBody(Answer):
    """`detail` is one sentence; `details` holds what a program may want to know about it."""

    detail: str
    code: str | None = None
    details: Any = None
    request_id: str | None = None
