"""Generated requests over the description of the routes: no fault of the server, nothing that is not described."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import crown, evolve, make_trial
from tests.unit.plugin.test_deployment_routes import REPORT, deploy

pytestmark = pytest.mark.airflow

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SEED = 20260103


@pytest.fixture
def served(plugin: Plugin) -> Iterator[tuple[Plugin, str, dict[str, Any]]]:
    """The app on a port, with something behind each kind of id, and those ids by the name of their parameter."""
    store = plugin.store
    trial_id = make_trial(store)
    evolve(store, trial_id)
    crown(store, trial_id)
    deployment = deploy(plugin)
    validation = store.validations.save(REPORT, deployment_id=deployment)
    History(store).append([Sample("a", "load", 1.0, to_ms(store.now()) - 1000 * n) for n in range(100)])
    plugin.app.state.rates._limit = 0
    ids = {
        "trial_id": trial_id, "deployment_id": deployment, "validation_id": validation.id, "island": 0, "sequence": 1,
    }  # fmt: skip
    with _serving(plugin.app) as url:
        yield plugin, url, ids


def test_a_request_of_each_operation(served: tuple[Plugin, str, dict[str, Any]]) -> None:
    assert ask(*served, each=1, modes=(GenerationMode.POSITIVE,), seed=SEED) >= 30


@pytest.mark.slow
def test_many_requests_of_each_operation_good_and_bad(served: tuple[Plugin, str, dict[str, Any]]) -> None:
    assert ask(*served, each=20, modes=(GenerationMode.POSITIVE, GenerationMode.NEGATIVE), seed=SEED + 1) >= 1000


def ask(plugin: Plugin, url: str, ids: dict[str, Any], *, each: int, modes: tuple[Any, ...], seed: int) -> int:
    """Sends up to `each` requests of every operation and mode, as somebody who may look; how many."""
    document = plugin.get("/api/openapi.json").json()
    for name in ("servers", "security"):  # which would have the requests go elsewhere, and with made-up tokens
        document.pop(name)
    document["components"].pop("securitySchemes")
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    token = plugin.token("viewer")
    with requests.Session() as session:
        return sum(
            _ask_one(operation, mode, each, seed, url, token, ids, session)
            for operation, mode in itertools.product(operations, modes)
        )


def _ask_one(
    operation: Any, mode: Any, each: int, seed: int, url: str, token: str, ids: dict[str, Any], session: Any
) -> int:
    sent = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), known=hypothesis.strategies.booleans())
    def send(case: Any, known: bool) -> None:
        nonlocal sent
        sent += 1
        if known and mode is GenerationMode.POSITIVE:
            case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
        headers = {"Authorization": f"Bearer {token}"}
        case.call_and_validate(base_url=url, session=session, headers=headers, checks=CHECKS, timeout=30)

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation
    return sent


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
