"""Search over the code that IndexAgent has indexed, and the state of its index."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dean_airflow.services.contract.base import (
    LIST_LENGTH,
    Answer,
    Count,
    Parameters,
    RepositoryName,
    Request,
    Share,
    UtcTime,
)

_Repositories = Annotated[list[RepositoryName], Field(max_length=LIST_LENGTH)]
_Suffix = Annotated[str, Field(min_length=1, max_length=32)]


class SearchFilters(Request):
    """Further filters are kept, a service uses those it knows."""

    language: Annotated[str, Field(max_length=64)] | None = None
    min_score: float | None = Field(default=None, ge=0.0, le=1.0)


class Search(Request):
    """POST /search. `file_types` are suffixes, with or without the dot."""

    query: str = Field(min_length=1, max_length=1000)
    repositories: _Repositories = Field(default_factory=list)
    file_types: Annotated[list[_Suffix], Field(max_length=100)] = Field(default_factory=list)
    limit: int = Field(default=10, ge=1, le=1000)
    filters: SearchFilters = Field(default_factory=SearchFilters)


class SearchHit(Answer):
    """`line_number` counts from 1."""

    id: str
    score: Share
    repository: str
    file_path: str
    line_number: Count
    snippet: str
    context: str | list[str] | Parameters | None = None


class SearchAnswer(Answer):
    query: str
    results: list[SearchHit]
    total_results: Count
    execution_time_ms: float


class IndexStatus(Answer):
    status: str
    indexed_repositories: Count
    total_files: Count
    last_update: UtcTime | None = None


class TriggerIndex(Request):
    """POST /search/index/trigger; without a repository, all known ones are brought up to date."""

    repository: RepositoryName | None = None


class IndexTriggered(Answer):
    status: str = "accepted"
    repository: str | None = None
