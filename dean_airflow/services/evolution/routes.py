"""The routes of the Evolution API, as the contract has them, for whoever answers them and whoever guards them."""

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from dean_airflow.services.contract import trials as contract
from dean_airflow.services.contract.capabilities import IDEMPOTENCY_HEADER
from dean_airflow.services.contract.patterns import PatternList, PatternQuery
from dean_airflow.services.server.access import Access
from dean_airflow.services.server.application import failures
from dean_airflow.services.server.caller import Caller, Permission
from dean_airflow.services.server.prometheus import TEXT_TYPE

TrialId = Annotated[str, Path(min_length=1, max_length=128)]
Key = Annotated[str | None, Header(alias=IDEMPOTENCY_HEADER, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class EvolutionApi(Protocol):
    """Who answers: the real service, or a stub."""

    async def start(
        self, request: contract.StartTrial, caller: Caller, key: str | None, credential: Any = None
    ) -> dict[str, Any]: ...
    async def status(self, trial_id: str) -> contract.Trial: ...
    async def cancel(self, trial_id: str, caller: Caller, credential: Any = None) -> contract.CancelledTrial: ...
    async def trials(self, query: contract.TrialQuery) -> contract.TrialList: ...
    async def results(self, query: contract.ResultQuery) -> contract.ResultList: ...
    async def patterns(self, query: PatternQuery) -> PatternList: ...
    async def metrics(self) -> contract.EvolutionMetrics: ...
    async def overview(self) -> contract.EvolutionStatus: ...
    async def prometheus(self) -> str: ...


def trial_router(api: EvolutionApi, access: Access) -> APIRouter:
    """Everything of the contract but health, sockets and extensions of their own."""
    router = APIRouter(tags=["evolution"])
    reader = Annotated[Caller, Depends(access.needs(Permission.READ))]
    runner = Annotated[Caller, Depends(access.needs(Permission.RUN))]
    without_nulls: dict[str, Any] = {"response_model_exclude_none": True}

    @router.post(
        "/evolution/start",
        status_code=202,
        response_model=contract.Trial,
        responses=failures(400, 409),
        **without_nulls,
    )
    async def start(
        body: Annotated[contract.StartTrial, Body()], caller: runner, request: Request, key: Key = None
    ) -> JSONResponse:
        """Starts a trial and answers at once. With an Idempotency-Key, repeating the request starts nothing more."""
        return JSONResponse(await api.start(body, caller, key, _credential(request)), 202)

    @router.get("/evolution/trials", responses=failures(), **without_nulls)
    async def trials(query: Annotated[contract.TrialQuery, Query()], caller: reader) -> contract.TrialList:
        """Trials, newest start first."""
        return await api.trials(query)

    @router.get("/evolution/results", responses=failures(), **without_nulls)
    async def results(query: Annotated[contract.ResultQuery, Query()], caller: reader) -> contract.ResultList:
        """What completed trials came to, best fitness first."""
        return await api.results(query)

    @router.get("/evolution/metrics", responses=failures(), **without_nulls)
    async def metrics(caller: reader) -> contract.EvolutionMetrics:
        """Counts of trials and patterns, and averages over completed trials."""
        return await api.metrics()

    @router.get("/evolution/status", responses=failures(), **without_nulls)
    async def overview(caller: reader) -> contract.EvolutionStatus:
        """All trials at work together."""
        return await api.overview()

    @router.get("/evolution/{trial_id}/status", responses=failures(404), **without_nulls)
    async def status(trial_id: TrialId, caller: reader) -> contract.Trial:
        """One trial as it stands."""
        return await api.status(trial_id)

    @router.post("/evolution/{trial_id}/cancel", responses=failures(400, 404), **without_nulls)
    async def cancel(trial_id: TrialId, caller: runner, request: Request) -> contract.CancelledTrial:
        """Stops a trial and all it started; what it measured stays. One that has ended is refused."""
        return await api.cancel(trial_id, caller, _credential(request))

    @router.get("/patterns", responses=failures(), **without_nulls)
    async def patterns(query: Annotated[PatternQuery, Query()], caller: reader) -> PatternList:
        """Kinds of edits that won, highest impact first."""
        return await api.patterns(query)

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses={**failures(), 200: {"content": {"text/plain": {}}, "description": "Prometheus text."}},
    )
    async def prometheus(caller: reader) -> PlainTextResponse:
        """The same figures, and the server's own, for Prometheus."""
        return PlainTextResponse(await api.prometheus(), media_type=TEXT_TYPE)

    return router


def _credential(request: Request) -> Any:
    """What an app that mounts these routes was asked with, to be passed on within it; None in a server of our own."""
    return getattr(request.state, "credential", None)
