"""Airflow's users and permissions for routes that were written for any server: who may do what is its decision.

Looking needs read access to the runs of `dean_evolution_trial`, starting and changing the permission to make such a
run, and what concerns everyone that to change Airflow's configuration.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import (
    GetUserDep,
    requires_access_configuration,
    requires_access_dag,
    resolve_user_from_token,
)
from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from dean_airflow.plugin.dags import TRIAL_DAG
from dean_airflow.plugin.origin import opened_by_own_page
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS
from dean_airflow.services.contract.websocket import CLOSED_UNAUTHORIZED, TOKEN_QUERY, TOKEN_SUBPROTOCOL
from dean_airflow.services.server.caller import Caller, Permission, all_roles
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.limits import SocketLimit

may_see_trials = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=TRIAL_DAG)
"""Airflow's own decision: 401 without a credential, 403 with a bad one or without read access to the trials' runs."""

_DECISIONS: dict[Permission, Callable[..., Any]] = {
    Permission.READ: may_see_trials,
    Permission.RUN: requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=TRIAL_DAG),
    Permission.USER: requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=TRIAL_DAG),
    Permission.ADMIN: requires_access_configuration("PUT"),
}


class AirflowAccess:
    """The Access of what is mounted in Airflow, behind the gate, which has looked at where requests come from already.

    `sockets` bounds those that are open at once.
    """

    def __init__(self, sockets: SocketLimit) -> None:
        self._sockets = sockets

    def needs(self, permission: Permission) -> Callable[..., Any]:
        decision = Depends(_DECISIONS[permission])

        def caller(request: Request, user: GetUserDep, decided: None = decision) -> Caller:
            request.state.credential = _token_of(request)
            return _caller(user)

        return caller

    @contextlib.asynccontextmanager
    async def admitted(self, websocket: WebSocket, permission: Permission) -> AsyncIterator[Caller | None]:
        """As for stand-alone servers, with Airflow's tokens: in the header, its cookie, the query or a subprotocol."""
        offered = [word.strip() for word in websocket.headers.get("sec-websocket-protocol", "").split(",")]
        with contextlib.ExitStack() as held:
            try:
                if not opened_by_own_page(websocket):
                    raise ApiError(403, "The request comes from a page of another site.")
                user = await resolve_user_from_token(_token_of_socket(websocket, offered))
                if not await run_in_threadpool(_may_read, user):
                    raise ApiError(403, INSUFFICIENT_PERMISSIONS)
                caller = _caller(user)
                if not held.enter_context(self._sockets.hold(caller.name)):
                    raise ApiError(429, "Too many open sockets")
            except HTTPException as refused:
                with contextlib.suppress(RuntimeError):  # the client may have gone meanwhile
                    await websocket.close(CLOSED_UNAUTHORIZED, str(refused.detail))
                yield None
                return
            await websocket.accept(TOKEN_SUBPROTOCOL if TOKEN_SUBPROTOCOL in offered else None)
            yield caller


def _may_read(user: BaseUser) -> bool:
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.RUN, details=DagDetails(id=TRIAL_DAG), user=user
    )


def _caller(user: BaseUser) -> Caller:
    """Airflow has decided already; the roles are for nobody else to decide by."""
    return Caller(user.get_id(), user.get_name(), all_roles(("viewer",)), "airflow")


def _token_of(connection: HTTPConnection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else connection.cookies.get(COOKIE_NAME_JWT_TOKEN, "")


def _token_of_socket(websocket: WebSocket, offered: list[str]) -> str:
    if token := _token_of(websocket):
        return token
    if TOKEN_SUBPROTOCOL in offered:
        return next((word for word in offered if word != TOKEN_SUBPROTOCOL), "")
    return websocket.query_params.get(TOKEN_QUERY, "")
