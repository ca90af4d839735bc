"""GET /alerts, and the silences: what fires, and what is not to be heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.errors import DeanError, SilenceError, StoreError
from dean_airflow.metrics.alerts.durations import parse_duration
from dean_airflow.metrics.alerts.judging import summary_of
from dean_airflow.plugin.api.common import failures
from dean_airflow.plugin.permissions import may_see_metrics, may_silence, user_of
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
def list_alerts(state: Annotated[list[State] | None, Query()] = None) -> dict[str, Any]:
    """The alerts in these states (pending and firing where none is named), the worst first."""
    settings = _settings()
    with _store() as store:
        alerts = store.alerts.list(state or ("pending", "firing"))
        clock = store.alerts.clock()
        kept = store.alert_rules.get(settings.alert_rules) if settings.alert_rules else None
        owed = store.notices.count_open()
    return {
        "alerts": [summary_of(alert) for alert in alerts],
        "total": len(alerts),
        "evaluated_at": clock.evaluated_at.isoformat() if clock is not None else None,
        "rules_problem": (kept.problem or None) if kept is not None else None,
        "to_notify": owed,
    }


@router.get("/silences")
def list_silences(ended: bool = False) -> dict[str, Any]:
    """The silences in force; with `ended` also those that are over."""
    with _store() as store:
        silences = store.silences.list(ended=ended)
    return {"silences": [silence.as_data() for silence in silences], "total": len(silences)}


@router.post("/silences", status_code=201, dependencies=may_change, responses=failures(400))
def add_silence(request: Request, new: NewSilence) -> dict[str, Any]:
    """201 with the silence; 400 with a sentence where it is not possible so."""
    try:
        duration = timedelta(milliseconds=parse_duration(new.duration))
    except ValueError as error:
        raise ApiError(400, f"{error}.") from None
    with _store() as store:
        return store.silences.add(new.labels, duration, new.reason, user_of(request).get_name()).as_data()


@router.delete("/silences/{silence_id}", dependencies=may_change, responses=failures(404))
def end_silence(silence_id: str) -> dict[str, Any]:
    """The silence, over from now on; 404 for an unknown one."""
    with _store(missing=404) as store:
        return store.silences.end(silence_id).as_data()


@contextmanager
def _store(missing: int = 400) -> Iterator[Store]:
    """503 for a store that fails, `missing` for a silence that cannot be."""
    try:
        with Store.open(_settings().store, patience=4.0) as store:
            yield store
    except SilenceError as error:
        raise ApiError(missing, str(error)) from None
    except StoreError as error:
        raise HTTPException(503, str(error)) from None


def _settings() -> Any:
    try:
        return settings_in_process()
    except DeanError as error:
        raise HTTPException(500, str(error)) from None
