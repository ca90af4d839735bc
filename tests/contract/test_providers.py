"""Every pact, verified with the stub and with the real server: what holds for one must hold for the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pact import Verifier

from dean_airflow.testing import AirflowStub, StubServices
from dean_airflow.testing.background import BackgroundLoop

from .agreement import CONSUMER, pact_of
from .airflow_agreements import PASSWORD, USER
from .airflow_providers import AirflowStubProvider, airflow_server
from .evolution_agreements import NO_TRIALS
from .indexagent_providers import IndexAgentStubProvider, indexagent_server
from .providers import EvolutionStubProvider, Provider, State, evolution_server
from .test_consumers import PACTS


def verify(name: str, provider: Provider, pacts: Path = PACTS) -> None:
    verifier = Verifier(name, host="127.0.0.1")
    verifier.add_transport(url=provider.url)
    verifier.add_source(pacts / f"{CONSUMER}-{name}.json")
    verifier.add_custom_header("Authorization", f"Bearer {provider.token}")
    verifier.set_request_timeout(20_000)
    failures: list[Exception] = []

    def enter(state: str, parameters: State | None) -> None:
        try:
            provider.enter(state, parameters or {})
        except Exception as failure:  # pact would wait for ever for the answer of a handler that raised
            failures.append(failure)

    verifier.state_handler(enter, teardown=False)
    try:
        verifier.verify()
    except RuntimeError as broken:
        raise AssertionError(f"{name} breaks its pact: {failures or ''}\n{verifier.output()}") from broken
    assert not failures


@pytest.fixture(scope="module")
def real_evolution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with evolution_server(tmp_path_factory.mktemp("evolution")) as provider:
        yield provider


def test_the_evolution_stub_keeps_its_pact(stub_services: StubServices) -> None:
    verify("evolution", EvolutionStubProvider(stub_services))


def test_the_evolution_server_keeps_its_pact(real_evolution: Provider) -> None:
    verify("evolution", real_evolution)


@pytest.fixture(scope="module")
def real_indexagent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with indexagent_server(tmp_path_factory.mktemp("indexagent")) as provider:
        yield provider


def test_the_indexagent_stub_keeps_its_pact(stub_services: StubServices) -> None:
    verify("indexagent", IndexAgentStubProvider(stub_services))


def test_the_indexagent_server_keeps_its_pact(real_indexagent: Provider) -> None:
    verify("indexagent", real_indexagent)


def test_the_airflow_stub_keeps_its_pact() -> None:
    stub = AirflowStub(users={USER: PASSWORD})
    with BackgroundLoop() as background:
        background.run(stub.start())
        verify("airflow", AirflowStubProvider(stub))
        background.run(stub.stop())


@pytest.mark.airflow
@pytest.mark.slow
def test_airflow_itself_keeps_its_pact(airflow_home: Path, tmp_path: Path) -> None:
    with airflow_server(tmp_path / "airflow", airflow_home) as provider:
        verify("airflow", provider)


def test_a_provider_that_breaks_its_pact_is_found_out(stub_services: StubServices, tmp_path: Path) -> None:
    pact_of("evolution", [NO_TRIALS]).write_file(tmp_path)
    provider = EvolutionStubProvider(stub_services)
    verify("evolution", provider, tmp_path)
    stub_services.evolution.faults.add("wrong_types", path=NO_TRIALS.path)

    with pytest.raises(AssertionError, match="breaks its pact"):
        verify("evolution", provider, tmp_path)
