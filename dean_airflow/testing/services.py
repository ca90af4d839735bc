"""All three stubs together, and the pool that reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any

from dean_airflow.services.credentials import AirflowLogin, ServiceToken
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.tokens import SigningKeys, generate_key
from dean_airflow.store.store import Store
from dean_airflow.testing.airflow_stub import AirflowStub
from dean_airflow.testing.background import BackgroundLoop
from dean_airflow.testing.evolution_stub import EvolutionStub
from dean_airflow.testing.indexagent_stub import IndexAgentStub
from dean_airflow.testing.scenario import Scenario
from dean_airflow.testing.stub import Stub, utc_now


class StubServices:
    """IndexAgent, the Evolution API and Airflow, each on a free port of the loopback.

    `with StubServices() as services` serves them from a thread, for tests with or without a loop of their own; `async
    with` serves them in the running loop.
    """

    def __init__(self, *, scenario: Scenario | None = None, now: Callable[[], datetime] = utc_now) -> None:
        """`scenario` is what happens to trials and runs; `now` gives the time of tokens and answers."""
        self.keys = SigningKeys((generate_key(),))
        """Signs the service tokens that the stubs accept."""
        self.evolution = EvolutionStub(keys=self.keys, scenario=scenario, now=now)
        self.indexagent = IndexAgentStub(keys=self.keys, scenario=scenario, now=now)
        self.airflow = AirflowStub(scenario=scenario, now=now)
        self._background: BackgroundLoop | None = None

    @property
    def all(self) -> tuple[Stub, ...]:
        return (self.indexagent, self.evolution, self.airflow)

    @property
    def urls(self) -> dict[str, str]:
        """By the service's name: indexagent, evolution, airflow."""
        return {stub.name: stub.url for stub in self.all}

    def endpoints(self, **changes: Any) -> tuple[ServiceEndpoint, ...]:
        """What a `ServicePool` is made from; `changes` are fields of `ServiceEndpoint`, set on all three.

        A breaker opens after 5 failures and is tried again after a tenth of a second, unless `breaker` is given.
        """
        changes.setdefault("breaker", BreakerLimits(open_seconds=0.1))
        evolution = ServiceToken(self.keys, audience="evolution")
        indexagent = ServiceToken(self.keys, audience="indexagent")
        airflow = AirflowLogin(self.airflow.username, self.airflow.password)
        return (
            ServiceEndpoint("indexagent", "indexagent", self.indexagent.url, indexagent, **changes),
            ServiceEndpoint("evolution", "evolution", self.evolution.url, evolution, **changes),
            ServiceEndpoint("airflow", "airflow", self.airflow.url, airflow, **changes),
        )

    def pool(self, store: Store | None = None, **changes: Any) -> ServicePool:
        """A pool of all three, to be used as an async context manager; `changes` as for `endpoints`."""
        return ServicePool(self.endpoints(**changes), store=store)

    def reset(self) -> None:
        """Every stub forgets everything; those that were killed are revived."""
        for stub in self.all:
            if not stub.running:
                self.revive(stub)
            stub.reset()

    def kill(self, stub: Stub) -> None:
        """As `kill -9` of its process: connections are cut, nobody listens any more. Not from the stubs' own loop."""
        self._thread.run(stub.stop())

    def revive(self, stub: Stub) -> None:
        """It listens on the same port again and knows what it knew. Not from the stubs' own loop."""
        self._thread.run(stub.start())

    @property
    def _thread(self) -> BackgroundLoop:
        if self._background is None:
            raise RuntimeError("These stubs are served by your own loop: await their stop() and start() instead.")
        return self._background

    async def start(self) -> None:
        await asyncio.gather(*(stub.start() for stub in self.all))

    async def stop(self) -> None:
        await asyncio.gather(*(stub.stop() for stub in self.all))

    async def __aenter__(self) -> StubServices:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> StubServices:
        self._background = BackgroundLoop("dean-stubs")
        self._background.run(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.run(self.stop())
        self._thread.stop()
