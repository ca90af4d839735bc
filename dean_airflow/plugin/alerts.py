"""GET /alerts, and the silences: what fires, and what is not to be heard."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dean_airflow.errors import SilenceError
from dean_airflow.metrics.alerts.durations import parse_duration
from dean_airflow.metrics.alerts.judging import summary_of
from dean_airflow.plugin.api.common import failures
from dean_airflow.plugin.permissions import may_see_metrics, may_silence, stored_of, user_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.store import Store

may_change = [Depends(may_silence)]
"""Who may trigger the metrics DAG may silence what it says."""

router = APIRouter(prefix="/alerts", tags=["alerts"], dependencies=[Depends(may_see_metrics)])

State = Literal["pending", "firing", "resolved"]


class NewSilence(BaseModel):
    """`duration` as in rules: 30m, 2h, 7d."""

    model_config = ConfigDict(extra="forbid")

    labels: dict[str, str] = Field(min_length=1, max_length=30)
    duration: str = Field(max_length=40)
    reason: str = Field(min_length=1, max_length=1000)


@router.get("")
async def list_alerts(request: Request, state: Annotated[list[State] | None, Query()] = None) -> dict[str, Any]:
    """The alerts in these states (pending and firing where none is named), the worst first."""
    stored = stored_of(request)
    rules = (await stored.settings()).alert_rules

    def read(store: Store) -> dict[str, Any]:
        alerts = store.alerts.list(state or ("pending", "firing"))
        clock = store.alerts.clock()
        kept = store.alert_rules.get(rules) if rules else None
        return {
            "alerts": [summary_of(alert) for alert in alerts],
            "total": len(alerts),
            "evaluated_at": clock.evaluated_at.isoformat() if clock is not None else None,
            "rules_problem": (kept.problem or None) if kept is not None else None,
            "to_notify": store.notices.count_open(),
        }

    return await stored(read)


@router.get("/silences")
async def list_silences(request: Request, ended: bool = False) -> dict[str, Any]:
    """The silences in force; with `ended` also those that are over."""
    silences = await stored_of(request)(lambda store: store.silences.list(ended=ended))
    return {"silences": [silence.as_data() for silence in silences], "total": len(silences)}


@router.post("/silences", status_code=201, dependencies=may_change, responses=failures(400))
async def add_silence(request: Request, new: NewSilence) -> dict[str, Any]:
    """201 with the silence; 400 with a sentence where it is not possible so."""
    try:
        duration = timedelta(milliseconds=parse_duration(new.duration))
    except ValueError as error:
        raise ApiError(400, f"{error}.") from None
    author = user_of(request).get_name()
    try:
        made = await stored_of(request)(lambda store: store.silences.add(new.labels, duration, new.reason, author))
    except SilenceError as error:
        raise ApiError(400, str(error)) from None
    return made.as_data()


@router.delete("/silences/{silence_id}", dependencies=may_change, responses=failures(404))
async def end_silence(request: Request, silence_id: str) -> dict[str, Any]:
    """The silence, over from now on; 404 for an unknown one."""
    try:
        return (await stored_of(request)(lambda store: store.silences.end(silence_id))).as_data()
    except SilenceError as error:
        raise ApiError(404, str(error)) from None
