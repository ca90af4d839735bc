"""Patterns: what worked, as IndexAgent and the Evolution API each tell it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dean_airflow.services.contract.base import (
    Answer,
    Count,
    Id,
    ListAnswer,
    Name,
    PagedQuery,
    Parameters,
    Request,
    Share,
    SomeIds,
    UtcTime,
)


class PatternQuery(PagedQuery):
    """`type` and `effectiveness_min` are other names of `pattern_type` and `min_effectiveness`."""

    pattern_type: Name | None = None
    type: Name | None = None
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    min_effectiveness: float | None = Field(default=None, ge=0.0, le=1.0)
    effectiveness_min: float | None = Field(default=None, ge=0.0, le=1.0)
    trial_id: Id | None = None

    @property
    def wanted_type(self) -> str | None:
        return self.pattern_type if self.pattern_type is not None else self.type

    @property
    def wanted_effectiveness(self) -> float | None:
        return self.min_effectiveness if self.min_effectiveness is not None else self.effectiveness_min


class IndexPattern(Answer):
    """A pattern as IndexAgent has it."""

    id: str
    type: str
    confidence: Share
    description: str
    occurrences: Count
    repositories: list[str] = Field(default_factory=list)
    created_at: UtcTime


class IndexPatternList(ListAnswer):
    """Confidence descending; `filters` are those that were used."""

    patterns: list[IndexPattern]
    filters: Parameters = Field(default_factory=dict)


class ApplyPattern(Request):
    """POST /patterns/apply of IndexAgent."""

    pattern_id: Id
    target_agents: SomeIds


class AppliedPattern(Answer):
    status: Literal["applied"] = "applied"
    pattern_id: str
    affected_agents: Count
    timestamp: UtcTime


class Pattern(Answer):
    """A pattern as the Evolution API has it. `confidence`: that it is a real one; `effectiveness`: measured benefit;
    `impact_score`: what lists are ordered by.
    """

    id: str
    trial_id: str
    name: str
    type: str
    description: str
    confidence: Share
    effectiveness: Share | None = None
    occurrences: Count
    impact_score: Share
    discovered_at: UtcTime
    generation: Count
    repositories: list[str] = Field(default_factory=list)


class PatternList(ListAnswer):
    """Impact descending; `types` counts the whole store, whatever the filters."""

    patterns: list[Pattern]
    types: dict[str, Count] = Field(default_factory=dict)
