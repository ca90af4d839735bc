"""What the setting `metrics_sources` says: endpoints whose metrics are collected besides those of DEAN's own services.

Apart from the sources themselves, because settings are read in every Airflow process and must not import them.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")

RESERVED = frozenset({"dean", "host", "airflow", "indexagent", "evolution", "trial"})
"""Names of DEAN's own sources."""


class JsonField(BaseModel):
    """One number of an answer: where it is, and what it is.

    `path` is dotted (`stats.queue.length`; a number picks from a list). The value is multiplied by `scale`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    type: Literal["gauge", "counter", "histogram"] = "gauge"
    labels: dict[str, str] = Field(default_factory=dict)
    scale: float = 1.0


class WatchedEndpoint(BaseModel):
    """`url` is the whole address that is asked; a `connection` gives the login, and the address where no `url` does.

    `fields` (JSON only) names the numbers that count; without, all do, as `<prefix>_<path>`. `timeout` is in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    kind: Literal["http", "prometheus"] = "http"
    url: str = ""
    connection: str | None = None
    timeout: float = Field(default=5.0, gt=0, le=60)
    required: bool = True
    prefix: str | None = None
    fields: dict[str, JsonField] | None = None

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"{name!r} is the name of a source of DEAN's own")
        return name

    @field_validator("fields")
    @classmethod
    def _names_metrics(cls, fields: dict[str, JsonField] | None) -> dict[str, JsonField] | None:
        for name in fields or ():
            if not _METRIC_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a metric: letters, digits and underscores")
        return fields

    @model_validator(mode="after")
    def _has_an_address(self) -> WatchedEndpoint:
        if not self.url and not self.connection:
            raise ValueError("it needs a `url`, or a `connection` that has one")
        if self.fields is not None and self.kind == "prometheus":
            raise ValueError("`fields` are for JSON; Prometheus' text names its metrics itself")
        return self
