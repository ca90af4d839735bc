"""GET /trials/{id}/report: a trial's report as its trial wrote it."""

from __future__ import annotations

import re

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse
from upath import UPath

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.plugin.api.common import answers, failures
from dean_airflow.plugin.permissions import may_see_trials

router = APIRouter(tags=["trials"], dependencies=[Depends(may_see_trials)])

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADERS = {
    # A report quotes the target's code. Should any of it ever get past the escaping, it finds no script engine, no
    # origin and nowhere to send anything.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


@router.get("/trials/{trial_id}/report", responses=failures(404) | answers("text/html"))
def report(trial_id: str) -> HTMLResponse:
    """404 with a sentence where there is no such trial, or none that has written its report yet."""
    missing = HTTPException(404, f"There is no report of a trial {trial_id!r}: it is unknown, or has not ended yet.")
    if not _TRIAL_ID.fullmatch(trial_id):
        raise missing
    try:
        page = (UPath(settings_from_airflow().artifacts) / trial_id / "report.html").read_bytes()
    except FileNotFoundError:
        raise missing from None
    return HTMLResponse(page, headers=_HEADERS)
