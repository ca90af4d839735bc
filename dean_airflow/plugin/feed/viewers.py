"""Airflow's users as those who listen: admitted before the socket is accepted, and asked for again now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import jwt
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import resolve_user_from_token
from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from dean_airflow.feed.listener import End
from dean_airflow.feed.viewer import EXPIRED, FORBIDDEN
from dean_airflow.plugin.dags import DEPLOYMENT_DAG, METRICS_DAG, TRIAL_DAG
from dean_airflow.plugin.origin import opened_by_own_page
from dean_airflow.plugin.permissions import may_read, token_of
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS, INVALID_TOKEN
from dean_airflow.services.contract.websocket import CLOSED_UNAUTHORIZED
from dean_airflow.services.server.limits import SocketLimit

TRUSTED_SECONDS = 60.0
"""For how long an answer of Airflow's about a permission is taken as given."""
TOO_MANY = "Too many open sockets"


class AirflowViewer:
    """A user of Airflow's; `credential` is the token they came with, "" where Airflow has seen to that already."""

    def __init__(self, user: BaseUser, credential: str = "") -> None:
        self._user, self._credential = user, credential
        self.name = str(user.get_id())
        self.user = user.get_name()
        self.expires_in = _expires_in(credential)
        self._may: dict[str, tuple[float, bool]] = {}

    async def may(self, dag: str | None) -> bool:
        wanted, now = dag or TRIAL_DAG, time.monotonic()
        known = self._may.get(wanted)
        if known is None or now - known[0] >= TRUSTED_SECONDS:
            known = self._may[wanted] = (now, await run_in_threadpool(may_read, self._user, wanted))
        return known[1]

    async def may_anything(self) -> bool:
        """Whether there is any topic for them."""
        return await self.may(TRIAL_DAG) or await self.may(DEPLOYMENT_DAG) or await self.may(METRICS_DAG)

    async def check(self) -> End | None:
        try:
            self._user = await resolve_user_from_token(self._credential)
        except HTTPException:
            return End(EXPIRED, INVALID_TOKEN)
        self._may.clear()
        return None if await self.may_anything() else End(FORBIDDEN, INSUFFICIENT_PERMISSIONS)


@contextlib.asynccontextmanager
async def admitted(websocket: WebSocket, limit: SocketLimit) -> AsyncIterator[AirflowViewer | None]:
    """Who opened the socket, which is then accepted and counts as open; None where it was refused, which closes it.

    The token comes in the header or in Airflow's cookie. One in the URL would be in logs, and is not read.
    """
    with contextlib.ExitStack() as held:
        try:
            _require(opened_by_own_page(websocket), INSUFFICIENT_PERMISSIONS)
            token = token_of(websocket)
            viewer = AirflowViewer(await resolve_user_from_token(token), token)
            _require(await viewer.may_anything(), INSUFFICIENT_PERMISSIONS)
            _require(held.enter_context(limit.hold(viewer.name)), TOO_MANY)
        except HTTPException as refused:
            with contextlib.suppress(RuntimeError):  # the client may have gone meanwhile
                await websocket.close(CLOSED_UNAUTHORIZED, str(refused.detail))
            yield None
            return
        await websocket.accept()
        yield viewer


def _require(allowed: bool, detail: str) -> None:
    if not allowed:
        raise HTTPException(403, detail)


def _expires_in(token: str) -> float | None:
    """Seconds for which a token, which was verified just now, still holds; None where it does not say."""
    if not token:
        return None
    try:
        expiry = jwt.decode(token, options={"verify_signature": False}).get("exp")
    except jwt.InvalidTokenError:  # an auth manager's own kind of token
        return None
    return None if expiry is None else max(0.0, float(expiry) - time.time())
