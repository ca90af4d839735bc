"""M33: connection pools that together exceed what the database takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.databases import Server, server_of, servers, url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import dockerfile_of
from dean_airflow.deployment.description.images import default_connections
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.place import Place

_POOL = re.compile(r"POOL_SIZE$|POOL_MAX(?:_SIZE)?$|MAX_POOL_SIZE$")
_WORKERS_OPTION = re.compile(r"(?:--workers|(?:gunicorn\b.*?\s)-w)[= ](\d+)")
_CONNECTIONS = re.compile(r"max[_-]connections[= ]+(\d+)")


@dataclass(frozen=True)
class _Demand:
    service: Service
    connections: int
    place: Place


@check(
    "M33", "warning", "Pools exceed the database's connections",
    why="Under load the database refuses connections, to whoever comes last.",
    fix="Lower pools or workers, or raise max_connections.",
)  # fmt: skip
def pools_exceed(deployment: Deployment) -> Iterator[Hit]:
    for server in servers(deployment):
        limit, limit_place = _limit(deployment, server)
        demands = [demand for service in _clients(deployment, server) if (demand := _demand(deployment, service))]
        total = sum(demand.connections for demand in demands)
        if limit is None or total <= limit:
            continue
        largest = max(demands, key=lambda demand: demand.connections)
        parts = ", ".join(f"{demand.service.name} {demand.connections}" for demand in demands)
        also = tuple(d.place for d in demands if d is not largest) + ((limit_place,) if limit_place else ())
        what = f"The pools of {server.service.name}'s clients ask for {total} connections ({parts}); it takes {limit}."
        yield Hit(largest.place, what, also=also)


def _limit(deployment: Deployment, server: Server) -> tuple[int | None, Place | None]:
    command = server.service.get("command")
    match = _CONNECTIONS.search(server.service.command_text)
    if match and command is not None:
        entry = next((e for e in command.entries() if "connections" in e.text), command)
        return int(match[1]), entry.place
    for name in ("POSTGRES_MAX_CONNECTIONS", "POSTGRESQL_MAX_CONNECTIONS", "MYSQL_MAX_CONNECTIONS"):
        if name in server.service.environment and server.service.environment[name].value.isdigit():
            return int(server.service.environment[name].value), server.service.environment[name].source.place
    for mount in server.service.mounts:
        source = deployment.tree.source(mount.path) if mount.path is not None else None
        if source is not None and source.path.suffix in (".conf", ".cnf"):
            for number, line in enumerate(source.lines, 1):
                found = re.match(r"\s*max_connections\s*=?\s*(\d+)", line)
                if found:
                    return int(found[1]), source.at(number)
    return default_connections(server.engine), None


def _clients(deployment: Deployment, server: Server) -> list[Service]:
    found: dict[str, Service] = {}
    for use in url_uses(deployment):
        if server_of(deployment, use) is server:
            found.update({service.name: service for service in use.readers})
    for service in deployment.services.values():
        for name, variable in service.environment.items():
            if name.endswith("HOST") and deployment.service_called(variable.value.split(":")[0]) is server.service:
                found[service.name] = service
    found.pop(server.service.name, None)
    return list(found.values())


def _demand(deployment: Deployment, service: Service) -> _Demand | None:
    declared = deployment.declared(service.name, "pool")
    if declared is not None and (size := declared.get("size")) is not None:
        workers = declared.get("workers")
        count = int(workers.text) if workers is not None and workers.text.isdigit() else 1
        return (
            _Demand(service, int(size.text or 0) * count * service.replicas, size.place)
            if size.text.isdigit()
            else None
        )
    pools = [v for n, v in service.environment.items() if _POOL.search(n) and v.value.isdigit() and "REDIS" not in n]
    if not pools:
        return None
    overflow = sum(_number(v) for n, v in service.environment.items() if n.endswith("MAX_OVERFLOW"))
    size_of_all = sum(_number(pool) for pool in pools) + overflow
    connections = size_of_all * _workers(deployment, service) * service.replicas
    return _Demand(service, connections, pools[0].source.place)


def _number(variable: Variable) -> int:
    return int(variable.value) if variable.value.isdigit() else 0


def _workers(deployment: Deployment, service: Service) -> int:
    dockerfile = dockerfile_of(deployment, service)
    texts = [service.expand(service.command_text)]
    if dockerfile is not None and not service.get("command"):
        texts.append(re.sub(r'[",\[\]]+', " ", dockerfile.command))
    for text in texts:
        match = _WORKERS_OPTION.search(re.sub(r"\s+", " ", text))
        if match:
            return int(match[1])
    for name, variable in service.environment.items():
        if (name == "WEB_CONCURRENCY" or name.endswith("WORKERS")) and variable.value.isdigit():
            return max(1, int(variable.value))
    return 1
