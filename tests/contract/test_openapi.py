"""Generated requests over each committed OpenAPI document: no server error, and no answer that is not documented."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.indexagent.standalone import build_indexagent_app
from dean_airflow.testing import StubServices

from .providers import serving, token_for

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi"
SERVICES = ("evolution", "indexagent")
SIDES = ("stub", "server")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SEED = 20260102
"""Of the requests in `make test`, which are the same each time."""


@pytest.fixture
def address(
    request: pytest.FixtureRequest, service: str, side: str, stub_services: StubServices, tmp_path: Path
) -> Iterator[tuple[str, str]]:
    """The URL of the service on this side, and a token for it."""
    if side == "stub":
        stub = {"evolution": stub_services.evolution, "indexagent": stub_services.indexagent}[service]
        yield stub.url, token_for(stub.keys, service)
        return
    build: Any = {"evolution": build_evolution_app, "indexagent": build_indexagent_app}[service]
    # No repository is allowed: a generated path may be one of this machine's folders.
    with serving(tmp_path, build, server_repositories=("https://repository.invalid/",)) as (url, keys, _, _):
        yield url, token_for(keys, service)


@pytest.mark.parametrize("side", [s if s == "server" else pytest.param(s, marks=pytest.mark.slow) for s in SIDES])
@pytest.mark.parametrize("service", SERVICES)
def test_a_hundred_requests(service: str, side: str, address: tuple[str, str]) -> None:
    assert ask(service, *address, cases=100, seed=SEED) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_thousand_requests(service: str, side: str, address: tuple[str, str]) -> None:
    assert ask(service, *address, cases=1000, seed=SEED + 1) >= 1000


def ask(service: str, url: str, token: str, *, cases: int, seed: int) -> int:
    """Sends at least so many requests, good and bad ones, over all operations; returns how many."""
    document = json.loads((DOCUMENTS / f"{service}.json").read_text())
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    sent = 0
    with requests.Session() as session:
        for turn in itertools.count():
            each = max(2, (cases - sent) // (2 * len(operations)))
            for operation, mode in itertools.product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
                sent += _ask_one(operation, mode, each, seed + turn, url, token, session)
                if sent >= cases and turn:
                    return sent
            if sent >= cases:
                return sent
    raise AssertionError("the loop ends with a return")


def _ask_one(operation: Any, mode: Any, each: int, seed: int, url: str, token: str, session: requests.Session) -> int:
    """Up to `each` requests of one operation. One without parameters has nothing to be wrong about."""
    sent = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        case.call_and_validate(
            base_url=url, session=session, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=30
        )

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation
    return sent
