"""Any series of the metrics' history: which there are, and how each went, brought down to what a chart can show."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from dean_airflow.errors import ConfigurationError
from dean_airflow.metrics.aggregate import SeriesRange
from dean_airflow.metrics.history import History
from dean_airflow.metrics.views import duration_of, matcher_of
from dean_airflow.plugin.api.answers import finite
from dean_airflow.plugin.api.common import Limit, Moment, Offset, failures
from dean_airflow.plugin.api.models import Model, Page
from dean_airflow.plugin.permissions import may_see_metrics, stored_of
from dean_airflow.services.contract.base import UtcTime
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.series import KnownSeries
from dean_airflow.store.store import Store

router = APIRouter(tags=["metrics"], dependencies=[Depends(may_see_metrics)])

SERIES_AT_MOST = 20
POINTS_AT_MOST = 2000
SERVICES_SHOWN = 50

Name = Annotated[str, Query(min_length=1, max_length=250)]
Service = Annotated[str | None, Query(max_length=250)]


class SeriesShown(Model):
    name: str
    service: str
    labels: dict[str, str]
    type: str
    help: str


class SeriesList(Page):
    series: list[SeriesShown]


class MetricName(Model):
    """A metric with how many series it has; `services` are at most 50."""

    name: str
    type: str
    help: str
    services: list[str]
    series: int


class MetricNames(Model):
    metrics: list[MetricName]
    total: int


class Values(Model):
    """A series in steps; each point is [seconds since 1970, value, lowest, highest] over the step that begins then.

    Of a gauge the value is the mean of all its samples in the step; of a counter its growth a second, and the other
    two are null. A step without samples is left out.
    """

    service: str
    labels: dict[str, str]
    type: str
    step_seconds: float
    shows: str
    points: list[tuple[float, float | None, float | None, float | None]]


class ValuesList(Model):
    """`total` is how many series match; at most `limit` of them are answered, with 2,000 points together at most."""

    name: str
    start: UtcTime
    end: UtcTime
    series: list[Values]
    total: int
    limit: int


@router.get("/metrics/names", responses=failures())
async def names(request: Request) -> MetricNames:
    """The metrics by name."""
    found = await stored_of(request)(lambda store: store.series.find())
    grouped: dict[str, list[KnownSeries]] = {}
    for one in found:
        grouped.setdefault(one.name, []).append(one)
    metrics = [
        MetricName(
            name=name,
            type=some[0].type,
            help=some[0].help,
            services=sorted({one.service for one in some})[:SERVICES_SHOWN],
            series=len(some),
        )
        for name, some in grouped.items()
    ]
    return MetricNames(metrics=metrics, total=len(metrics))


@router.get("/series", responses=failures())
async def list_series(
    request: Request,
    name: Annotated[str | None, Query(max_length=250)] = None,
    service: Service = None,
    q: Annotated[str, Query(max_length=250, description="Part of the name.")] = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> SeriesList:
    """The series there are, by name, service and labels."""
    found = await stored_of(request)(lambda store: store.series.find(name, service))
    wanted = [one for one in found if q.lower() in one.name.lower()]
    shown = [
        SeriesShown(name=one.name, service=one.service, labels=dict(one.labels), type=one.type, help=one.help)
        for one in wanted[offset : offset + limit]
    ]
    return SeriesList(series=shown, total=len(wanted), limit=limit, offset=offset)


@router.get("/series/values", responses=failures())
async def values(
    request: Request,
    name: Name,
    service: Service = None,
    match: Annotated[list[str] | None, Query(max_length=20, description="label=value, !=, =~, !~")] = None,
    since: Annotated[str, Query(max_length=20, description="A duration such as 1h, unless `start` is given.")] = "1h",
    start: Annotated[Moment | None, Query()] = None,
    end: Annotated[Moment | None, Query()] = None,
    points: Annotated[int, Query(ge=10, le=POINTS_AT_MOST, description="Of one series, at most.")] = 500,
    limit: Annotated[int, Query(ge=1, le=SERIES_AT_MOST)] = SERIES_AT_MOST,
) -> ValuesList:
    """How the series of a metric went from `start` to `end`. 422 for what cannot be asked."""
    try:
        matchers = [matcher_of(text) for text in match or ()]
        length = duration_of(since)
    except ConfigurationError as error:
        raise ApiError(422, str(error)) from None
    asked: dict[str, Any] = {"name": name, "service": service, "matchers": matchers}

    def read(store: Store) -> ValuesList:
        until = end or store.now()
        begin = start or _before(until, length)
        if begin >= until:
            raise ApiError(422, "The range is empty: `start` must lie before `end`.")
        history = History(store)
        total = history.count(**asked)
        shown = min(total, limit)
        step = step_of(begin, until, min(points, POINTS_AT_MOST // max(1, shown)))
        found = history.range(start=begin, end=until, step=step, at_most=limit, **asked) if shown else []
        series = [_values(one) for one in found]
        return ValuesList(name=name, start=begin, end=until, series=series, total=total, limit=limit)

    try:
        return await stored_of(request)(read)
    except ValueError as error:
        raise ApiError(422, f"{name} cannot be asked for: {error}.") from None


def step_of(start: datetime, end: datetime, points: int) -> timedelta:
    """The shortest step of whole seconds, from a minute on of whole minutes, that gives at most so many points."""
    seconds = max(1, math.ceil((end - start).total_seconds() / max(1, points - 1)))
    return timedelta(seconds=seconds if seconds < 60 else -(-seconds // 60) * 60)


def _before(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment - length
    except OverflowError:
        raise ApiError(422, "The range begins before time does.") from None


def _values(found: SeriesRange) -> Values:
    gauge = found.type == "gauge"
    rows: list[Any] = (
        [
            (time / 1000, finite(mean), finite(low), finite(high))
            for (time, mean), (_, low), (_, high) in zip(found.averages(), found.lowest(), found.highest(), strict=True)
        ]
        if gauge
        else [(time / 1000, finite(rate), None, None) for time, rate in found.rates()]
    )
    return Values(
        service=found.key.service,
        labels=dict(found.key.labels),
        type=found.type,
        step_seconds=found.step / 1000,
        shows="average" if gauge else "rate",
        points=rows,
    )
