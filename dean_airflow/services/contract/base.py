"""What all models of the contract are made of: requests, queries, answers, and the types of their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME_LENGTH = 250
_TEXT_LENGTH = 4096
LIST_LENGTH = 1000
"""Entries of a list in a request; one answer's page holds no more either."""


def _as_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
"""A time in an answer; a naive one means UTC."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Opaque."""
Name = Annotated[str, Field(min_length=1, max_length=_NAME_LENGTH)]
Text = Annotated[str, Field(max_length=_TEXT_LENGTH)]
RepositoryName = Annotated[str, Field(min_length=1, max_length=_TEXT_LENGTH)]
"""A path or a clone URL."""
Parameters = dict[str, Any]
Names = Annotated[list[Name], Field(max_length=LIST_LENGTH)]
Ids = Annotated[list[Id], Field(max_length=LIST_LENGTH)]
SomeIds = Annotated[list[Id], Field(min_length=1, max_length=LIST_LENGTH)]


class Request(BaseModel):
    """A body that a server reads: exact types, ranges; fields it does not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Query(BaseModel):
    """The query of a URL, in which everything is text; names it does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class PagedQuery(Query):
    limit: int = Field(default=100, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=2**31)


class Answer(BaseModel):
    """A body that a consumer reads, whatever else is in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ListAnswer(Answer):
    """`total` counts what the filters let through, before paging."""

    total: Count


class PagedAnswer(ListAnswer):
    limit: int = 100
    offset: int = 0
