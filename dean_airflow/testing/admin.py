"""The admin API of a stub, for tests in another process or language: everything below `/_stub`.

It asks for no credential: stubs listen on the loopback and hold nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from dean_airflow.testing.fault_layer import ADMIN_PREFIX
from dean_airflow.testing.faults import Fault
from dean_airflow.testing.scenario import Scenario

if TYPE_CHECKING:
    from dean_airflow.testing.stub import Stub


class Advance(BaseModel):
    """POST /_stub/advance. Without an id, everything under way advances."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    steps: int = Field(default=1, ge=1, le=1000)


def admin_router(stub: Stub) -> APIRouter:
    """The routes for this stub."""
    router = APIRouter(prefix=ADMIN_PREFIX, include_in_schema=False)

    @router.get("/requests")
    async def requests() -> list[dict[str, Any]]:
        return [
            {
                "method": request.method, "path": request.path, "query": request.query,
                "headers": request.headers, "body": request.body.decode(errors="replace"),
            }
            for request in stub.requests
        ]  # fmt: skip

    @router.delete("/requests")
    async def forget_requests() -> dict[str, str]:
        stub.requests.clear()
        return {"status": "cleared"}

    @router.get("/faults")
    async def faults() -> list[Fault]:
        return stub.faults.active()

    @router.post("/faults", status_code=201)
    async def add_fault(fault: Fault) -> Fault:
        return stub.faults.add(**fault.model_dump())

    @router.delete("/faults")
    async def clear_faults() -> dict[str, str]:
        stub.faults.clear()
        return {"status": "cleared"}

    @router.get("/scenario")
    async def scenario() -> Scenario:
        return stub.scenario

    @router.put("/scenario")
    async def set_scenario(scenario: Scenario) -> Scenario:
        stub.scenario = scenario
        return scenario

    @router.post("/scenarios", status_code=201)
    async def script(scenarios: list[Scenario]) -> dict[str, int]:
        stub.script(*scenarios)
        return {"queued": len(scenarios)}

    @router.post("/advance")
    async def advance(body: Advance) -> dict[str, int]:
        try:
            return {"steps": stub.advance(body.id, body.steps)}
        except KeyError:
            raise HTTPException(404, f"Nothing here has the id {body.id!r}.") from None

    @router.post("/reset")
    async def reset() -> dict[str, str]:
        stub.reset()
        return {"status": "reset"}

    return router
