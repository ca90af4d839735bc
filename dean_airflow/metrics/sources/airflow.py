"""Airflow itself, by its REST API: components and their heartbeats; with a login also pools, runs, import errors, and
whether our plugin is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.service import ServiceSource
from dean_airflow.services.contract.airflow import API, HEALTH_PATH
from dean_airflow.services.credentials import NoCredential
from dean_airflow.services.errors import ContractViolation

PLUGIN = "dean"
OUR_DAGS = "dean_"
"""DAGs whose runs are counted: an installation may have thousands of others."""
PAGE = 100

_SLOTS = {
    "open": "open_slots",
    "running": "running_slots",
    "queued": "queued_slots",
    "scheduled": "scheduled_slots",
    "deferred": "deferred_slots",
}


class AirflowSource(ServiceSource):
    async def read(self, maker: SampleMaker) -> dict[str, Any]:
        """Without a login, the components alone: everything else needs one."""
        components = await self._components(maker)
        if isinstance(self.client.endpoint.credential, NoCredential):
            return {"components": components}
        pools, runs, errors, plugin = await asyncio.gather(
            self._pools(maker), self._runs(maker), self._import_errors(maker), self._plugin(maker)
        )
        return {
            "components": components,
            "pools": pools,
            "dag_runs": runs,
            "import_errors": errors,
            "plugin_loaded": plugin,
        }

    async def _components(self, maker: SampleMaker) -> dict[str, str | None]:
        """A component without a status does not run, which is a choice: it has no sample."""
        body = await self._json(HEALTH_PATH)
        found: dict[str, str | None] = {}
        for name, told in body.items():
            if not isinstance(told, Mapping):
                continue
            status = told.get("status")
            found[name] = status
            if status is not None:
                maker.add("dean_airflow_component_health", status == "healthy", {"component": name})
            heartbeat = told.get(f"latest_{name}_heartbeat")
            if isinstance(heartbeat, str):
                maker.add("dean_airflow_heartbeat_timestamp_seconds", _seconds(heartbeat), {"component": name})
        return found

    async def _pools(self, maker: SampleMaker) -> dict[str, dict[str, Any]]:
        body = await self._json(f"{API}/pools", limit=PAGE)
        found = {}
        for pool in _objects(body.get("pools")):
            slots = {state: pool.get(key) for state, key in _SLOTS.items()}
            found[str(pool.get("name"))] = slots
            for state, count in slots.items():
                maker.add("dean_airflow_pool_slots", count, {"pool": pool.get("name"), "state": state})
        return found

    async def _runs(self, maker: SampleMaker) -> dict[str, dict[str, Any]]:
        listed = await self._json(f"{API}/dags", limit=PAGE, dag_id_pattern=f"{OUR_DAGS}%")
        dags = [str(dag.get("dag_id")) for dag in _objects(listed.get("dags"))]
        ours = [dag_id for dag_id in dags if dag_id.startswith(OUR_DAGS)]
        if not ours:
            return {}
        body = await self._json(f"{API}/dagStats", dag_ids=ours)
        found: dict[str, dict[str, Any]] = {}
        for dag in _objects(body.get("dags")):
            for stat in _objects(dag.get("stats")):
                found.setdefault(str(dag.get("dag_id")), {})[str(stat.get("state"))] = stat.get("count")
                labels = {"dag_id": dag.get("dag_id"), "state": stat.get("state")}
                maker.add("dean_airflow_dag_runs", stat.get("count"), labels)
        return found

    async def _import_errors(self, maker: SampleMaker) -> Any:
        count = (await self._json(f"{API}/importErrors", limit=1)).get("total_entries")
        maker.add("dean_airflow_import_errors", count)
        return count

    async def _plugin(self, maker: SampleMaker) -> bool:
        body = await self._json(f"{API}/plugins", limit=PAGE)
        loaded = any(plugin.get("name") == PLUGIN for plugin in _objects(body.get("plugins")))
        maker.add("dean_airflow_plugin_loaded", loaded)
        return loaded

    async def _json(self, path: str, **query: Any) -> dict[str, Any]:
        reply = await self.ask(path, **query)
        body = reply.json()
        if not isinstance(body, dict):
            raise ContractViolation(
                f"The answer of {self.name} at {reply.url} is no JSON object.", service=self.name, url=reply.url
            )
        return body


def _objects(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
