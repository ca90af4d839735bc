"""The pool that everything asks: every client of every service, and trials at those services."""

from __future__ import annotations

from dean_airflow.errors import ConfigurationError
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.remote.engine import RemoteEngine
from dean_airflow.store.store import Store


class ServicePool(ClientPool):
    """See ClientPool. What trials at services are made of knows that class, and this one knows them."""

    def trial_runner(self) -> tuple[Store, RemoteEngine]:
        """What EvolutionTrialCoordinator needs to run trials at this pool's services.

        Raises ServiceNotConfigured where none of them is an Evolution API, ConfigurationError for a pool without store.
        """
        if self.store is None:
            raise ConfigurationError("A pool that runs trials needs a store to keep them in; give it one.")
        _ = self.evolution
        return self.store, RemoteEngine(self.another, self.store)
