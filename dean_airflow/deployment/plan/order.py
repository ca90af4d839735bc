"""In which order services are rolled out: what another one needs comes before it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from dean_airflow.errors import DeploymentError

_USUAL = (("postgres", "mysql", "mariadb"), ("redis", "valkey"), ("vault", "secret"), ("indexagent",), ("airflow",))
"""The usual order, by what a service's kind or name begins with; then Evolution, then everything else."""


def usual_rank(name: str, kind: str = "") -> int:
    """Where a service comes among those that do not need each other."""
    words = (kind.lower(), name.lower().replace("-", "").replace("_", ""))
    for rank, starts in enumerate(_USUAL):
        if any(word.startswith(starts) for word in words if word):
            return rank
    return len(_USUAL) if words[1].startswith("evolution") else len(_USUAL) + 1


def in_order(
    services: Sequence[str], needs: Mapping[str, Iterable[str]], ranks: Mapping[str, int] | None = None
) -> list[str]:
    """The services, each after those it needs; among equals by rank, then as they were given.

    Raises DeploymentError for a circle, and for a need that is none of the services.
    """
    known = set(services)
    open_needs: dict[str, set[str]] = {}
    for service in services:
        open_needs[service] = set(needs.get(service, ()))
        if unknown := sorted(open_needs[service] - known):
            raise DeploymentError(f"{service} requires {unknown[0]}, which is no service of this deployment.")
    place = {service: (ranks or {}).get(service, 0) for service in services}
    ready = [(place[name], number, name) for number, name in enumerate(services) if not open_needs[name]]
    heapq.heapify(ready)
    ordered: list[str] = []
    while ready:
        _, _, done = heapq.heappop(ready)
        ordered.append(done)
        for number, name in enumerate(services):
            if done in open_needs[name]:
                open_needs[name].discard(done)
                if not open_needs[name]:
                    heapq.heappush(ready, (place[name], number, name))
    if len(ordered) < len(services):
        raise DeploymentError(f"These services wait for each other: {_circle(open_needs)}; one of them must not.")
    return ordered


def _circle(open_needs: Mapping[str, set[str]]) -> str:
    at = next(name for name, needed in open_needs.items() if needed)
    way: list[str] = []
    while at not in way:
        way.append(at)
        at = min(open_needs[at])
    return " → ".join([*way[way.index(at) :], at])
