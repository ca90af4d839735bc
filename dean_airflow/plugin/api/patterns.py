"""Patterns: which kinds of edits paid where, over all trials."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from dean_airflow.plugin.api.common import Limit, Offset, failures
from dean_airflow.plugin.api.models import Model, Page
from dean_airflow.plugin.permissions import may_see_trials, stored_of
from dean_airflow.services.contract.base import UtcTime
from dean_airflow.store.patterns import Pattern
from dean_airflow.store.trial_pages import PatternInTrial

router = APIRouter(prefix="/patterns", tags=["patterns"])

PatternOrder = Literal["impact", "kind", "context", "tries", "confirmed_wins", "confidence", "effect", "last_used_at"]


class PatternShown(Model):
    """`effect` is the mean ln(cost with / cost without) of its confirmed edits, below 0 a gain; null before the first.
    `confidence` 0..1 that it works, `effectiveness` 0..1 the share of cost saved, `impact` both multiplied.
    """

    id: str
    kind: str
    context: str
    tries: int
    confirmed_wins: int
    confidence: float
    effect: float | None
    effectiveness: float | None
    impact: float
    first_trial_id: str
    discovered_at: UtcTime
    last_used_at: UtcTime


class Patterns(Page):
    patterns: list[PatternShown]


class PatternOfTrial(PatternShown):
    """`tried` and `confirmed` are of this trial, the rest of all."""

    tried: int
    confirmed: int


class PatternsOfTrial(Model):
    patterns: list[PatternOfTrial]
    total: int


@router.get("", responses=failures(), dependencies=[Depends(may_see_trials)])
async def list_patterns(
    request: Request,
    q: Annotated[str, Query(max_length=250, description="Part of the kind or of the context.")] = "",
    won: Annotated[bool, Query(description="Only those that won at least once.")] = False,
    sort: PatternOrder = "impact",
    order: Literal["asc", "desc"] = "desc",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Patterns:
    """The patterns, those of the highest impact first unless asked otherwise; unknown values come last."""
    found = [pattern_shown(one) for one in await stored_of(request)(lambda store: store.patterns.list())]
    text = q.lower()
    wanted = [
        one
        for one in found
        if (text in one.kind.lower() or text in one.context.lower()) and (one.confirmed_wins > 0 or not won)
    ]
    known = [one for one in wanted if getattr(one, sort) is not None]
    known.sort(key=lambda one: getattr(one, sort), reverse=order == "desc")
    ordered = known + [one for one in wanted if getattr(one, sort) is None]
    return Patterns(patterns=ordered[offset : offset + limit], total=len(wanted), limit=limit, offset=offset)


def pattern_shown(pattern: Pattern) -> PatternShown:
    return PatternShown(**_fields(pattern))


def pattern_in_trial(seen: PatternInTrial) -> PatternOfTrial:
    return PatternOfTrial(**_fields(seen.pattern), tried=seen.tried, confirmed=seen.confirmed)


def _fields(pattern: Pattern) -> dict[str, Any]:
    same = ("id", "kind", "context", "tries", "confirmed_wins", "first_trial_id", "discovered_at", "last_used_at")
    return {
        **{name: getattr(pattern, name) for name in same},
        "confidence": pattern.confidence,
        "effect": pattern.mean_effect,
        "effectiveness": pattern.effectiveness,
        "impact": pattern.impact,
    }
