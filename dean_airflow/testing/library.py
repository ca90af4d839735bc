"""What can be found in the IndexAgent stub: files, and patterns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.search import IndexStatus, Search, SearchAnswer, SearchHit


@dataclass
class Library:
    """Files by repository and path, and patterns by id. Usable from one thread."""

    files: dict[tuple[str, str], str] = field(default_factory=dict)
    repositories: set[str] = field(default_factory=set)
    patterns: dict[str, IndexPattern] = field(default_factory=dict)
    updated_at: datetime | None = None
    queries: int = 0
    _milliseconds: float = 0.0

    @property
    def mean_milliseconds(self) -> float | None:
        """Of a search; None before the first."""
        return self._milliseconds / self.queries if self.queries else None

    def clear(self) -> None:
        self.files.clear()
        self.repositories.clear()
        self.patterns.clear()
        self.updated_at, self.queries, self._milliseconds = None, 0, 0.0

    def register(self, repository: str, now: datetime) -> None:
        """Makes a repository known, whether it has files or not."""
        self.repositories.add(repository)
        self.updated_at = now

    def add(self, repository: str, files: Mapping[str, str], now: datetime) -> None:
        """Makes these files of a repository findable: text by path."""
        self.register(repository, now)
        self.files.update({(repository, path): text for path, text in files.items()})

    def status(self) -> IndexStatus:
        return IndexStatus(
            status="ready" if self.repositories else "empty",
            indexed_repositories=len(self.repositories),
            total_files=len(self.files),
            last_update=self.updated_at,
        )

    def search(self, search: Search) -> SearchAnswer:
        """Files that have all the words, one hit a file at its best line; the score is the share of words there."""
        begun = time.perf_counter()
        words = search.query.lower().split()
        hits = [
            hit
            for (repository, path), text in sorted(self.files.items())
            if _wanted(search, repository, path) and all(word in text.lower() for word in words)
            for hit in [_best_line(repository, path, text, words)]
            if hit.score >= (search.filters.min_score or 0.0)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.repository, hit.file_path))
        took = 1000 * (time.perf_counter() - begun)
        self.queries, self._milliseconds = self.queries + 1, self._milliseconds + took
        return SearchAnswer(
            query=search.query, results=hits[: search.limit], total_results=len(hits), execution_time_ms=took
        )


def _wanted(search: Search, repository: str, path: str) -> bool:
    suffixes = tuple("." + suffix.lower().lstrip(".*") for suffix in search.file_types)
    if search.filters.language == "python" and not suffixes:
        suffixes = (".py",)
    return (not search.repositories or repository in search.repositories) and (not suffixes or path.endswith(suffixes))


def _best_line(repository: str, path: str, text: str, words: list[str]) -> SearchHit:
    lines = text.splitlines()
    held, number = max((sum(word in line.lower() for word in words), -place) for place, line in enumerate(lines))
    place = -number
    return SearchHit(
        id=f"{repository}:{path}:{place + 1}",
        score=held / len(words),
        repository=repository,
        file_path=path,
        line_number=place + 1,
        snippet=lines[place],
        context="\n".join(lines[max(0, place - 2) : place + 3]),
    )


def shown_filters(query: BaseModel) -> dict[str, Any]:
    """The filters of a query that were used, as a list of patterns tells them."""
    return {
        name: value
        for name, value in query.model_dump(exclude_unset=True).items()
        if name not in ("limit", "offset") and value is not None
    }
