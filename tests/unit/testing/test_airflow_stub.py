"""The Airflow stub, reached by DEAN's own client: it is strict and silent where Airflow is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dean_airflow.services.errors import ConflictError, NotFound
from dean_airflow.services.pool import ServicePool
from dean_airflow.testing.scenario import standard
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stubs() -> AsyncIterator[StubServices]:
    async with StubServices() as services:
        yield services


@pytest.fixture
async def pool(stubs: StubServices) -> AsyncIterator[ServicePool]:
    async with stubs.pool() as pool:
        yield pool


async def test_unknown_dags_and_runs_are_404(pool: ServicePool) -> None:
    with pytest.raises(NotFound):
        await pool.airflow.dag("nowhere")
    with pytest.raises(NotFound):
        await pool.airflow.run("dean_maintenance", "nothing")


async def test_a_run_goes_through_its_states(stubs: StubServices, pool: ServicePool) -> None:
    stubs.airflow.scenario = standard(1, pace=None)
    run = await pool.airflow.trigger("dean_maintenance", run_id="one")
    assert run.state == "queued"
    stubs.airflow.advance()
    assert (await pool.airflow.run("dean_maintenance", "one")).state == "running"
    stubs.airflow.advance(steps=9)
    done = await pool.airflow.run("dean_maintenance", "one")

    assert done.state == "success"
    assert [task.state for task in await pool.airflow.task_instances("dean_maintenance", "one")] == ["success"]


async def test_a_paused_dag_is_deans_conflict(stubs: StubServices, pool: ServicePool) -> None:
    stubs.airflow.dags["dean_maintenance"].is_paused = True

    with pytest.raises(ConflictError):
        await pool.airflow.trigger("dean_maintenance", run_id="one")
    assert stubs.airflow.dags["dean_maintenance"].runs == {}


async def test_a_token_that_expired_is_renewed_once(stubs: StubServices, pool: ServicePool) -> None:
    await pool.airflow.dags()
    stubs.airflow.tokens.expire()
    await pool.airflow.dags()

    assert len(stubs.airflow.requests.of("POST", "/auth/token")) == 2
    assert all(request.headers["authorization"].startswith("Bearer ") for request in stubs.airflow.requests
               if request.path == "/api/v2/dags")  # fmt: skip
