"""The topics of a store."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import select

from dean_airflow.feed.alerts_source import ALERTS, AlertsSource
from dean_airflow.feed.deployment_sources import DEPLOYMENTS, DeploymentSource, DeploymentsSource
from dean_airflow.feed.services_source import METRICS, SERVICES, metrics_source, services_source
from dean_airflow.feed.source import Source, UnknownTopic
from dean_airflow.feed.trial_source import TrialSource
from dean_airflow.feed.trials_source import TRIALS, TrialsSource
from dean_airflow.store.deployment_models import DeploymentRow
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store

_MAKE: dict[str, Callable[[Store], Source]] = {
    TRIALS: TrialsSource,
    ALERTS: AlertsSource,
    DEPLOYMENTS: DeploymentsSource,
    SERVICES: services_source,
    METRICS: metrics_source,
}
_ONE = re.compile(r"(trial|deployment):([A-Za-z0-9][A-Za-z0-9_-]{0,63})")


class StoreSources:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, topic: str) -> Source:
        """As `Sources` says; also of a trial there is none of, whose `head` says so. Raises StoreError, too."""
        if (make := _MAKE.get(topic)) is not None:
            return make(self._store)
        match = _ONE.fullmatch(topic)
        if match is None:
            raise UnknownTopic(f"There is no topic {topic[:100]!r}.")
        if match[1] == "trial":
            return TrialSource(self._store, match[2], self._dag(TrialRow, match[2]))
        return DeploymentSource(self._store, match[2], self._dag(DeploymentRow, match[2]))

    def _dag(self, table: type[TrialRow] | type[DeploymentRow], key: str) -> str | None:
        statement = select(table.dag_id).where(table.id == key)
        return self._store.database.read(lambda session: session.scalar(statement))
