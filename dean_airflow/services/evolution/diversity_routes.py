"""The routes of the diversity extension."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Depends, Query

from dean_airflow.services.contract import diversity as contract
from dean_airflow.services.server.access import Access
from dean_airflow.services.server.application import failures
from dean_airflow.services.server.caller import Permission


class DiversityApi(Protocol):
    """Who answers: the real extension, or a stub's."""

    def metrics(self, population_id: str | None) -> contract.DiversityMetrics: ...
    def register(self, body: contract.RegisterAgent) -> contract.RegisteredAgent: ...
    def check(self, agent_ids: Sequence[str]) -> contract.DiversityCheck: ...
    def check_population(self, population_id: str) -> contract.InterventionCheck: ...
    def intervene(self, body: contract.ApplyIntervention) -> contract.AppliedIntervention: ...


def diversity_router(diversity: DiversityApi, threads: Callable[..., Awaitable[Any]], access: Access) -> APIRouter:
    """`threads` calls a function, where it does not hold up the loop."""
    router = APIRouter(tags=["diversity"])
    reading, running, deciding = (
        [Depends(access.needs(permission))] for permission in (Permission.READ, Permission.RUN, Permission.USER)
    )

    @router.get("/diversity/metrics", dependencies=reading, responses=failures(404))
    async def metrics(query: Annotated[contract.DiversityQuery, Query()]) -> contract.DiversityMetrics:
        """How different the agents of a population are, or all that clients made."""
        answer: contract.DiversityMetrics = await threads(diversity.metrics, query.population_id)
        return answer

    @router.post("/diversity/agents/register", status_code=201, dependencies=running, responses=failures(400))
    async def register(body: Annotated[contract.RegisterAgent, Body()]) -> contract.RegisteredAgent:
        """Keeps an agent with its strategies, under the caller's own id for it."""
        answer: contract.RegisteredAgent = await threads(diversity.register, body)
        return answer

    @router.post("/diversity/check", dependencies=reading, responses=failures(404))
    async def check(body: Annotated[contract.CheckDiversity, Body()]) -> contract.DiversityCheck:
        """Whether these agents are too much alike, and what helps."""
        answer: contract.DiversityCheck = await threads(diversity.check, body.agent_ids)
        return answer

    @router.post(
        "/diversity/interventions/check",
        dependencies=reading,
        responses=failures(404),
        response_model_exclude_none=True,
    )
    async def check_population(body: Annotated[contract.CheckIntervention, Body()]) -> contract.InterventionCheck:
        """Whether a population needs an intervention, and why."""
        answer: contract.InterventionCheck = await threads(diversity.check_population, body.population_id)
        return answer

    @router.post("/diversity/interventions/apply", dependencies=deciding, responses=failures(400, 404))
    async def intervene(body: Annotated[contract.ApplyIntervention, Body()]) -> contract.AppliedIntervention:
        """Changes an agent of a client's; how different its population was before and is after."""
        answer: contract.AppliedIntervention = await threads(diversity.intervene, body)
        return answer

    return router
