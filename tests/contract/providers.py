"""Providers to verify pacts with: the stubs and the real servers, each able to be put into the agreed states."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi import FastAPI
from sqlalchemy import update

from dean_airflow.config import Settings
from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.server.keyring import write_signing_keys
from dean_airflow.services.tokens import SigningKeys, generate_key, mint
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store
from dean_airflow.testing import EvolutionStub, StubServices, hanging, standard
from dean_airflow.testing.background import BackgroundLoop
from dean_airflow.testing.server import StubServer

State = dict[str, Any]


class Provider(Protocol):
    """A service under verification. `token` is a bearer token that it accepts."""

    url: str
    token: str

    def enter(self, state: str, parameters: State) -> None:
        """Makes the state true, whatever was before; the empty name is no state in particular."""


def token_for(keys: SigningKeys, audience: str) -> str:
    return mint(keys, subject="pact", username="pact", roles=["user", "service"], audience=audience)


class EvolutionStubProvider:
    def __init__(self, services: StubServices) -> None:
        self._stub: EvolutionStub = services.evolution
        self.url = self._stub.url
        self.token = token_for(services.keys, "evolution")

    def enter(self, state: str, parameters: State) -> None:
        if state:
            self._stub.reset()
        if state == "a running trial":
            self._begin(parameters, hanging(1, pace=None))
        elif state == "a completed trial":
            self._begin(parameters, standard(3, pace=None))
        elif state == "a trial was started with a key":
            start_with_key(self, parameters["key"])
        elif state:
            raise ValueError(f"the stub knows no state {state!r}")

    def _begin(self, parameters: State, scenario: Any) -> None:
        self._stub.script(scenario)
        config = StartTrial(repository=parameters["repository"])
        self._stub.start_trial(config, trial_id=parameters["trial_id"])
        self._stub.advance(parameters["trial_id"], steps=10)


class EvolutionServerProvider:
    """The stand-alone server as `airflow dean serve evolution` runs it, in a thread."""

    def __init__(self, url: str, token: str, store: Store) -> None:
        self.url, self.token, self.store = url, token, store

    def enter(self, state: str, parameters: State) -> None:
        if state == "a running trial":
            self._trial(parameters, status="running", improvements=[0.1], best_fitness=0.1, current_generation=1)
        elif state == "a completed trial":
            self._trial(
                parameters, status="completed", outcome="improved", stop_reason="generations",
                improvements=[0.2, 0.1], best_fitness=0.3, current_generation=2, completed_at=self.store.now(),
            )  # fmt: skip
            self.store.patterns.record(
                "hoist_regex", "loop", tried=3, confirmed=2, effects=[-0.3], trial_id=parameters["trial_id"]
            )
        elif state == "a trial was started with a key":
            start_with_key(self, parameters["key"])
        elif state:
            raise ValueError(f"the server knows no state {state!r}")

    def _trial(self, parameters: State, **columns: Any) -> None:
        trial_id, repository = parameters["trial_id"], parameters["repository"]
        self.store.trials.create(trial_id, {"repository": repository, "generations": 3, "population_size": 5})
        self.store.trials.transition(trial_id, "initializing") if self._is_new(trial_id) else None
        change = update(TrialRow).where(TrialRow.id == trial_id)
        cleared = {"completed_at": None, "outcome": None, "stop_reason": None}
        self.store.database.write(lambda session: session.execute(change.values({**cleared, **columns})))

    def _is_new(self, trial_id: str) -> bool:
        return self.store.trials.get(trial_id).status == "pending"


def start_with_key(provider: Provider, key: str) -> None:
    """Over HTTP, since the key belongs to whoever sent it."""
    body = {"repository": "https://repository.invalid/first.git", "parameters": {"request_key": key}}
    headers = {"Authorization": f"Bearer {provider.token}", "Idempotency-Key": key}
    httpx.post(f"{provider.url}/evolution/start", json=body, headers=headers).raise_for_status()


@contextlib.contextmanager
def serving(
    folder: Path, build: Callable[[Settings, Store], FastAPI], **settings: Any
) -> Iterator[tuple[str, SigningKeys, Store, Settings]]:
    """A real server on a store of its own below `folder`: its URL, the keys it trusts, its store and settings."""
    made = Settings(data_dir=folder, environment="development", server_requests_per_minute=0, **settings)
    keys = SigningKeys((generate_key(),))
    write_signing_keys(made.signing_keys_file, keys)
    app = build(made, Store.open(made.store))
    with BackgroundLoop("server") as background, Store.open(made.store) as store:
        lifespan = app.router.lifespan_context(app)
        background.run(lifespan.__aenter__())
        server = StubServer(app)
        background.run(server.start())
        try:
            yield server.url, keys, store, made
        finally:
            background.run(server.stop())
            background.run(lifespan.__aexit__(None, None, None))


@contextlib.contextmanager
def evolution_server(folder: Path) -> Iterator[EvolutionServerProvider]:
    """A real server on a store of its own below `folder`."""
    with serving(folder, build_evolution_app) as (url, keys, store, _):
        yield EvolutionServerProvider(url, token_for(keys, "evolution"), store)
