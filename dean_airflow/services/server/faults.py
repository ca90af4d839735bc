"""Errors of a server: one body for all of them, with the code that belongs to the status and the request's id."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHttpException
from starlette.responses import JSONResponse, Response

from dean_airflow.errors import ConfigurationError, DeanError, IllegalTransition, StoreError, TargetError, TrialNotFound
from dean_airflow.services.contract.errors import CODES, TRIAL_NOT_FOUND, ErrorBody

log = logging.getLogger(__name__)

UNREADABLE_BODY = "The request's body cannot be read: it must be JSON in UTF-8."
SHOWN_OF_AN_INPUT = 100
"""Characters of a refused value that an answer quotes."""


class ApiError(HTTPException):
    """An answer that is an error; `detail` is one sentence, `details` what a program may want to know about it."""

    def __init__(
        self, status: int, detail: str, *, details: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.details = details


def install_fault_handlers(app: FastAPI) -> None:
    """Makes every error of the app an `ErrorBody`; what is nobody's fault but ours is logged and told nobody."""
    app.add_exception_handler(AnyHttpException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(DeanError, _of_dean)
    app.add_exception_handler(Exception, _of_anything)


def error_response(
    status: int, detail: str, request_id: str | None, *, details: Any = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The body of an error as an answer."""
    body = ErrorBody(detail=detail, code=CODES.get(status), details=details, request_id=request_id)
    return JSONResponse(body.model_dump(exclude_none=True), status, dict(headers) if headers else None)


def error_bytes(status: int, detail: str, request_id: str | None) -> bytes:
    """The body of an error for what answers below FastAPI."""
    body = {"detail": detail, "code": CODES.get(status), "request_id": request_id}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def request_id_of(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHttpException)
    if error.status_code == 400 and not isinstance(error, ApiError):
        # FastAPI's answer to a body that is no text; to a caller it is as malformed as one that is no JSON.
        return error_response(422, UNREADABLE_BODY, request_id_of(request))
    detail = error.detail if isinstance(error.detail, str) else json.dumps(error.detail)
    details = getattr(error, "details", None)
    return error_response(error.status_code, detail, request_id_of(request), details=details, headers=error.headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    """One sentence that names every wrong field, and the same as a list."""
    assert isinstance(error, RequestValidationError)
    problems = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
        problems.append({"field": place, "message": problem["msg"], "type": problem["type"]})
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in problems)
    return error_response(422, f"The request is not usable: {detail}."[:2000], request_id_of(request), details=problems)


async def _of_dean(request: Request, error: Exception) -> Response:
    status, sentence = _status_of(error)
    return error_response(status, sentence, request_id_of(request))


def _status_of(error: Exception) -> tuple[int, str]:
    if isinstance(error, TrialNotFound):
        return 404, TRIAL_NOT_FOUND
    if isinstance(error, IllegalTransition | ConfigurationError | TargetError):
        return 400, str(error)
    if isinstance(error, StoreError):
        log.warning("the store: %s", error)
        return 503, "The store does not answer; try again later."
    log.warning("%s: %s", type(error).__name__, error)
    return 503, str(error)


async def _of_anything(request: Request, error: Exception) -> Response:
    return error_response(500, "Something went wrong here; the server's log says what.", request_id_of(request))
