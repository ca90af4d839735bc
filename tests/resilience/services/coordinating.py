"""A process that runs a remote trial, for tests to kill: `python -m tests.resilience.services.coordinating JSON`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, replace
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.credentials import AirflowLogin, ApiKey
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.engine import execute_evolution_trial
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store
from dean_airflow.testing.services import StubServices
from tests.resilience.services.remote import CONFIG, QUICK, TRIAL


def order(stubs: StubServices, store_url: str, **options: Any) -> str:
    """What the process is told."""
    services = {
        "evolution": {"url": stubs.evolution.url, "key": stubs.evolution.api_key},
        "indexagent": {"url": stubs.indexagent.url, "key": stubs.indexagent.api_key},
        "airflow": {"url": stubs.airflow.url, "login": [stubs.airflow.username, stubs.airflow.password]},
    }
    return json.dumps({"services": services, "store": store_url, "options": asdict(replace(QUICK, **options))})


def say(fact: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


async def run(told: dict[str, Any]) -> dict[str, Any]:
    endpoints = [
        ServiceEndpoint(
            name, name, where["url"], ApiKey(where["key"]) if "key" in where else AirflowLogin(*where["login"])
        )  # type: ignore[arg-type]
        for name, where in told["services"].items()
    ]
    with Store.open(told["store"]) as store:
        async with ServicePool(endpoints, store=store, retry=RetryPolicy(first=0.01)) as pool:
            return await execute_evolution_trial(
                pool,
                store,
                TrialConfig.build(CONFIG),
                trial_id=TRIAL,
                options=RemoteOptions(**told["options"]),
                tell=lambda generation: say({"generation": generation["number"]}),
            )


if __name__ == "__main__":
    say(asyncio.run(run(json.loads(sys.argv[1]))))
