"""Calls an app of this very process as if over HTTP: nothing leaves it, and the app's own rules hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp

from dean_airflow.services.contract.capabilities import REQUEST_ID_HEADER

SECONDS = 30.0


@dataclass(frozen=True)
class Answered:
    """`body` is the answer's JSON, None where it has none."""

    status: int
    body: Any

    @property
    def detail(self) -> str:
        """What an error's body says, as text."""
        detail = self.body.get("detail", "") if isinstance(self.body, dict) else ""
        return detail if isinstance(detail, str) else str(detail)


async def call(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    token: str,
    body: Any = None,
    request_id: str | None = None,
    base_url: str = "http://in-process",
) -> Answered:
    """The app's answer to a bearer of `token`; an exception it raises comes back as a 500."""
    headers = {"Authorization": f"Bearer {token}"}
    if request_id is not None:
        headers[REQUEST_ID_HEADER] = request_id
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base_url, timeout=SECONDS) as client:
        answer = await client.request(method, path, headers=headers, json=body)
    try:
        return Answered(answer.status_code, answer.json())
    except ValueError:
        return Answered(answer.status_code, None)
