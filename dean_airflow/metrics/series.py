"""A series: all samples of one service, name and labels in order of time; and what selects series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal, Protocol

from dean_airflow.metrics.sample import Labels, MetricType, Sample, to_ms

Point = tuple[int, float]
"""Milliseconds since 1970 and the value; NaN is a staleness marker."""

Operator = Literal["=", "!=", "=~", "!~"]

SERVICE = "service"
"""The label under which a sample's service is matched and shown."""


@dataclass(frozen=True)
class Matcher:
    """What PromQL writes between braces. A regular expression matches the whole value; an absent label is empty.

    Raises ValueError, when first used, for a value that is no regular expression where one is meant.
    """

    label: str
    operator: Operator
    value: str

    def matches(self, service: str, labels: Labels) -> bool:
        found = service if self.label == SERVICE else dict(labels).get(self.label, "")
        if self.operator in ("=", "!="):
            return (found == self.value) == (self.operator == "=")
        return (self._pattern.fullmatch(found) is not None) == (self.operator == "=~")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(self.value, re.DOTALL)
        except re.error as error:
            raise ValueError(f"{self.value!r} is not a regular expression: {error}") from None


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Which series: equal for two samples exactly when they belong to the same one."""

    service: str
    name: str
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Series:
    """`points` are in order of time, at most one a millisecond, and contain the staleness markers."""

    key: SeriesKey
    type: MetricType
    points: list[Point] = field(default_factory=list)

    @property
    def service(self) -> str:
        return self.key.service

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def labels(self) -> Labels:
        return self.key.labels


@dataclass(frozen=True)
class Kept:
    """What became of samples: `kept` are on disk. `left_out` counts the others by service and reason: `too_old`,
    `in_future`, or `series_limit` for those of new series of a service that has too many.
    """

    kept: int
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)


class SampleReader(Protocol):
    """What alert rules, pages and commands read samples from: the history in the store, or one in memory."""

    def select(
        self,
        name: str | None = None,
        *,
        start: datetime | int,
        end: datetime | int,
        service: str | None = None,
        matchers: Iterable[Matcher] = (),
    ) -> list[Series]:
        """The series of that name (all names if None) that fit `service` and every matcher, each with its samples of
        start ≤ time ≤ end as they were collected; those without any in that time are left out.

        Times are aware, or milliseconds since 1970. Ordered by name, service and labels. Raises StoreError where a
        store is behind it, ValueError for a time without an offset or a matcher that is no regular expression.
        """
        ...


class SampleKeeper(SampleReader, Protocol):
    """Where samples go, and are read from."""

    @property
    def blocks(self) -> bool:
        """Whether its methods wait for something, and so belong in a thread."""
        ...

    def append(self, samples: Iterable[Sample]) -> Kept: ...


def in_ms(time: datetime | int) -> int:
    """Milliseconds since 1970. Raises ValueError for a time without an offset."""
    return time if isinstance(time, int) else to_ms(time)
