"""What many routes share: paging, times, the descriptions of failures, and files handed out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from dean_airflow.services.server.application import failures as _failures

Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=2**31)]
Moment = AwareDatetime


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may fail with these codes beside those that any may."""
    return _failures(*statuses)


def answers(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers no JSON when all is well."""
    return {200: {"description": "Text.", "content": {media_type: {"schema": {"type": "string"}}}}}


def download(content: bytes, name: str, media_type: str) -> Response:
    """A file that a browser saves and never shows; `name` is made of ids alone."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
