"""Operators that ask the Evolution service for what it knows: results of trials, and patterns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from dean_airflow.remote_setup import EVOLUTION_CONNECTION, INDEXAGENT_CONNECTION

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.services.pool import ServicePool
    from dean_airflow.store.store import Store


class ServiceDataOperator(BaseOperator):
    """What both share: the services, and which errors are worth a retry.

    :param evolution_conn_id: connection of the Evolution service.
    :param indexagent_conn_id: connection of IndexAgent; one that does not exist means that there is none.
    """

    ui_color = "#e6f2ea"

    def __init__(
        self,
        *,
        evolution_conn_id: str = EVOLUTION_CONNECTION,
        indexagent_conn_id: str = INDEXAGENT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.evolution_conn_id = evolution_conn_id
        self.indexagent_conn_id = indexagent_conn_id

    def _ask(self, ask: Callable[[ServicePool, Store], Awaitable[Any]]) -> Any:
        """Raises AirflowFailException for a DeanError that another try would not mend."""
        from dean_airflow.errors import DeanError
        from dean_airflow.remote_opening import opened_services
        from dean_airflow.services.remote.trial import worth_another_try

        async def asked() -> Any:
            connections = {"evolution": self.evolution_conn_id, "indexagent": self.indexagent_conn_id}
            async with opened_services(connections) as (pool, store):
                return await ask(pool, store)

        try:
            return asyncio.run(asked())
        except DeanError as error:
            if worth_another_try(error):
                raise
            raise AirflowFailException(str(error)) from None


class RemoteResultsOperator(ServiceDataOperator):
    """Answers the results of trials that ended at the Evolution service, best fitness first, as the contract has them.

    :param repository: only trials of this repository (templated).
    :param min_fitness: only those that reached this fitness, 0..1.
    :param limit: at most so many, 1..1000.
    """

    template_fields: Sequence[str] = ("repository",)

    def __init__(
        self,
        *,
        repository: str | None = None,
        min_fitness: float | None = None,
        limit: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.repository = repository
        self.min_fitness = min_fitness
        self.limit = limit

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Raises AirflowFailException for what another try would not mend."""

        async def results(pool: ServicePool, store: Store) -> list[dict[str, Any]]:
            found = await pool.evolution.results(
                repository=self.repository, min_fitness=self.min_fitness, limit=self.limit
            )
            return [result.model_dump(mode="json") for result in found.results]

        return list(self._ask(results))


class RemotePatternsOperator(ServiceDataOperator):
    """Answers the patterns of the Evolution service, highest impact first, each with its type and confidence.

    All patterns of both services are kept in DEAN's store on the way, where each service's are seen by the other.

    :param evolution_trial_id: only those of this trial, by its id at the service (templated).
    :param min_confidence: only those that are this certain, 0..1.
    :param limit: at most so many, 1..1000.
    """

    template_fields: Sequence[str] = ("evolution_trial_id",)

    def __init__(
        self,
        *,
        evolution_trial_id: str | None = None,
        min_confidence: float | None = None,
        limit: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.evolution_trial_id = evolution_trial_id
        self.min_confidence = min_confidence
        self.limit = limit

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Raises AirflowFailException for what another try would not mend."""

        async def patterns(pool: ServicePool, store: Store) -> list[dict[str, Any]]:
            from dean_airflow.services.caches import ServiceCaches
            from dean_airflow.services.pattern_exchange import exchange_patterns

            found = await pool.evolution.patterns(
                trial_id=self.evolution_trial_id, min_confidence=self.min_confidence, limit=self.limit
            )
            exchanged = await exchange_patterns(pool, store)
            known = await ServiceCaches(pool, store).patterns()
            self.log.info("%d patterns are known, %d of them new; seen: %s", len(known), exchanged.new, exchanged.seen)
            for service, why in exchanged.failed.items():
                self.log.warning("The patterns of %s could not be read: %s", service, why)
            return [pattern.model_dump(mode="json") for pattern in found.patterns]

        return list(self._ask(patterns))
