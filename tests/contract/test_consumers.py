"""Each client asks what was agreed on, and makes of the agreed answer what it should."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool

from . import airflow_agreements, evolution_agreements, indexagent_agreements
from .agreement import CONSUMER, Agreement, pact_of

PACTS = Path(__file__).with_name("pacts")
WRITE = "DEAN_WRITE_PACTS"
PROVIDERS: dict[str, list[Agreement]] = {
    "evolution": evolution_agreements.AGREEMENTS,
    "indexagent": indexagent_agreements.AGREEMENTS,
    "airflow": airflow_agreements.AGREEMENTS,
}
CASES = [
    pytest.param(provider, agreement, id=f"{provider}: {agreement.name}")
    for provider, agreements in PROVIDERS.items()
    for agreement in agreements
]


@pytest.mark.anyio
@pytest.mark.parametrize(("provider", "agreement"), CASES)
async def test_the_client_keeps_the_agreement(provider: Any, agreement: Agreement) -> None:
    with pact_of(provider, agreement.exchanges).serve(addr="127.0.0.1") as mock:
        endpoint = ServiceEndpoint(provider, provider, str(mock.url), agreement.credential, timeout=5)
        async with ServicePool([endpoint]) as pool:
            with agreement.outcome():
                assert agreement.holds(await agreement.call(pool))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_committed_pact_is_current(provider: str, tmp_path: Path) -> None:
    """With DEAN_WRITE_PACTS=1 it is written instead."""
    exchanges = [exchange for agreement in PROVIDERS[provider] for exchange in agreement.exchanges]
    folder = PACTS if os.environ.get(WRITE) == "1" else tmp_path
    pact_of(provider, exchanges).write_file(folder, overwrite=True)
    written = folder / f"{CONSUMER}-{provider}.json"
    committed = PACTS / written.name

    assert committed.exists(), f"run {WRITE}=1 pytest tests/contract/test_consumers.py"
    assert _agreed(written) == _agreed(committed), f"run {WRITE}=1 pytest tests/contract/test_consumers.py"


def _agreed(pact: Path) -> Any:
    """Without the versions of the library that wrote it."""
    content = json.loads(pact.read_text())
    content.pop("metadata")
    return content
