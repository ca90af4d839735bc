"""A stub of the Evolution API: the routes of the real server, answered from memory by trials that follow scenarios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter

from dean_airflow.services.contract.capabilities import (
    DIVERSITY,
    EVOLUTION_STATUS,
    IDEMPOTENCY_KEY,
    SERVICE_TOKEN_HEADER,
)
from dean_airflow.services.contract.trials import StartTrial, Trial
from dean_airflow.services.evolution.diversity_routes import diversity_router
from dean_airflow.services.evolution.routes import trial_router
from dean_airflow.services.evolution.socket import socket_router
from dean_airflow.services.server.hub import Hub
from dean_airflow.testing.evolution_diversity import Diversity
from dean_airflow.testing.evolution_memory import EvolutionMemory
from dean_airflow.testing.evolution_trials import StubTrial
from dean_airflow.testing.service_stub import ServiceStub

T = TypeVar("T")


class EvolutionStub(ServiceStub):
    """The Evolution API. A trial starts `initializing`, runs three generations and completes, unless scripted."""

    name: ClassVar[str] = "evolution"
    capabilities: ClassVar[tuple[str, ...]] = (IDEMPOTENCY_KEY, SERVICE_TOKEN_HEADER, EVOLUTION_STATUS, DIVERSITY)

    @property
    def trials(self) -> dict[str, StubTrial]:
        """By id, oldest first."""
        return self._memory.by_id

    def start_trial(self, config: StartTrial, *, trial_id: str | None = None) -> Trial:
        """A trial as POST /evolution/start begins it, for tests that need one to be there, of that id if need be."""
        return self.within(lambda: Trial.model_validate(self._memory.begin(config, trial_id)))

    def cancel_trial(self, trial_id: str) -> None:
        """As POST /evolution/{id}/cancel does for a trial that has not ended. Raises KeyError."""
        self.within(self.trials[trial_id].cancel)

    def forget(self) -> None:
        super().forget()
        self._memory.clear()
        self.diversity.clear()

    def prepare(self) -> None:
        self.hub = Hub()
        self._memory = EvolutionMemory(self._begin)
        self.diversity = Diversity(self._memory.by_id)

    def active_trials(self) -> int:
        return len(self._memory.running())

    def routers(self) -> Sequence[APIRouter]:
        return (
            trial_router(self._memory, self.access),
            socket_router(self._memory, self.hub, self.access),
            diversity_router(self.diversity, _directly, self.access),
        )

    def _begin(self, config: StartTrial, trial_id: str | None) -> StubTrial:
        trial_id = trial_id or self.random_id("trial-")
        trial = StubTrial(trial_id, config, self.next_scenario(), len(self.trials), self.hub, self.now)
        self.play(trial_id, trial.play)
        return trial


async def _directly(function: Callable[..., T], *arguments: Any) -> T:
    """In the loop: what is in memory needs no thread."""
    return function(*arguments)
