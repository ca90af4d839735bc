"""The routes of the diversity extension."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query

from dean_airflow.services.contract import diversity as contract
from dean_airflow.services.evolution.diversity import Diversity
from dean_airflow.services.server.access import Access
from dean_airflow.services.server.application import failures
from dean_airflow.services.server.caller import Permission
from dean_airflow.services.server.threads import Threads


def diversity_router(diversity: Diversity, threads: Threads, access: Access) -> APIRouter:
    router = APIRouter(tags=["diversity"])
    reading, running, deciding = (
        [Depends(access.needs(permission))] for permission in (Permission.READ, Permission.RUN, Permission.USER)
    )

    @router.get("/diversity/metrics", dependencies=reading, responses=failures(404))
    async def metrics(query: Annotated[contract.DiversityQuery, Query()]) -> contract.DiversityMetrics:
        """How different the agents of a population are, or all that clients made."""
        return await threads(diversity.metrics, query.population_id)

    @router.post("/diversity/agents/register", status_code=201, dependencies=running, responses=failures(400))
    async def register(body: Annotated[contract.RegisterAgent, Body()]) -> contract.RegisteredAgent:
        """Keeps an agent with its strategies, under the caller's own id for it."""
        return await threads(diversity.register, body)

    @router.post("/diversity/check", dependencies=reading, responses=failures(404))
    async def check(body: Annotated[contract.CheckDiversity, Body()]) -> contract.DiversityCheck:
        """Whether these agents are too much alike, and what helps."""
        return await threads(diversity.check, body.agent_ids)

    @router.post(
        "/diversity/interventions/check",
        dependencies=reading,
        responses=failures(404),
        response_model_exclude_none=True,
    )
    async def check_population(body: Annotated[contract.CheckIntervention, Body()]) -> contract.InterventionCheck:
        """Whether a population needs an intervention, and why."""
        return await threads(diversity.check_population, body.population_id)

    @router.post("/diversity/interventions/apply", dependencies=deciding, responses=failures(400, 404))
    async def intervene(body: Annotated[contract.ApplyIntervention, Body()]) -> contract.AppliedIntervention:
        """Changes an agent of a client's; how different its population was before and is after."""
        return await threads(diversity.intervene, body)

    return router
