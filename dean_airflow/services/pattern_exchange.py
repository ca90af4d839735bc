"""Each service's patterns made known to the other, through the store that both of DEAN's own servers read.

Whoever follows a remote trial exchanges them at least every 30 s while there are new ones, and once more at its end;
with the time a call takes that keeps a pattern from being unknown to the other service for more than a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dean_airflow.services.caches import ServiceCaches
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.patterns import IndexPattern, Pattern
from dean_airflow.services.errors import ServiceError, ServiceNotConfigured
from dean_airflow.store.service_patterns import ServicePattern
from dean_airflow.store.store import Store

EVOLUTION, INDEXAGENT = "evolution", "indexagent"
PAGE = 1000
AT_MOST_SECONDS = 60.0
"""The bound within which a pattern found in one service is seen by the other."""
EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class Exchange:
    """`seen`: how many patterns each service told; `new`: how many of all were new or differ; `failed`: why not all."""

    seen: dict[str, int] = field(default_factory=dict)
    new: int = 0
    failed: dict[str, str] = field(default_factory=dict)


async def exchange_patterns(pool: ClientPool, store: Store) -> Exchange:
    """Reads the patterns of Evolution and IndexAgent and keeps them where each other's server finds them.

    A service that is not configured is left out, one that fails is in the answer. Raises StoreError.
    """
    readers: dict[str, Callable[[], Awaitable[list[ServicePattern]]]] = {
        EVOLUTION: lambda: evolution_patterns(pool),
        INDEXAGENT: lambda: _indexagent_patterns(pool),
    }
    seen: dict[str, int] = {}
    failed: dict[str, str] = {}
    found: list[ServicePattern] = []
    answers = await asyncio.gather(*(read() for read in readers.values()), return_exceptions=True)
    for name, answer in zip(readers, answers, strict=True):
        if isinstance(answer, ServiceNotConfigured):
            continue
        if isinstance(answer, ServiceError):
            failed[name] = str(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            seen[name] = len(answer)
            found += answer
    new = await asyncio.to_thread(_keep, store, found)
    if new:
        await ServiceCaches(pool, store).patterns_changed()
    return Exchange(seen, new, failed)


def _keep(store: Store, told: Sequence[ServicePattern]) -> int:
    """How many were new. A service that reads this store also tells what the other found; that stays the other's."""
    finders = {pattern.id: pattern.service for pattern in store.service_patterns.list()}
    for pattern in told:
        finders.setdefault(pattern.id, pattern.service)
    return store.service_patterns.keep(pattern for pattern in told if finders[pattern.id] == pattern.service)


async def evolution_patterns(pool: ClientPool, trial_id: str | None = None) -> list[ServicePattern]:
    """All patterns of the Evolution API, or a trial's (by its id there). Raises ServiceError, ServiceNotConfigured."""
    client = pool.evolution
    return [
        _of_evolution(pattern)
        async for pattern in _every(lambda offset: client.patterns(trial_id=trial_id, limit=PAGE, offset=offset))
    ]


def _of_evolution(pattern: Pattern) -> ServicePattern:
    return ServicePattern(
        service=EVOLUTION,
        id=pattern.id,
        name=pattern.name,
        type=pattern.type,
        description=pattern.description,
        confidence=pattern.confidence,
        trial_id=pattern.trial_id,
        effectiveness=pattern.effectiveness,
        impact_score=pattern.impact_score,
        occurrences=pattern.occurrences,
        details={"generation": pattern.generation, "repositories": pattern.repositories},
    )


async def _indexagent_patterns(pool: ClientPool) -> list[ServicePattern]:
    client = pool.indexagent
    return [
        _of_indexagent(pattern) async for pattern in _every(lambda offset: client.patterns(limit=PAGE, offset=offset))
    ]


def _of_indexagent(pattern: IndexPattern) -> ServicePattern:
    return ServicePattern(
        service=INDEXAGENT,
        id=pattern.id,
        name=pattern.type,
        type=pattern.type,
        description=pattern.description,
        confidence=pattern.confidence,
        occurrences=pattern.occurrences,
        details={"repositories": pattern.repositories},
    )


class _Page(Protocol):
    @property
    def total(self) -> int: ...
    @property
    def patterns(self) -> Sequence[Any]: ...


async def _every(page_at: Callable[[int], Awaitable[_Page]]) -> AsyncIterator[Any]:
    offset = 0
    while True:
        page = await page_at(offset)
        for pattern in page.patterns:
            yield pattern
        offset += len(page.patterns)
        if not page.patterns or offset >= page.total:
            return
