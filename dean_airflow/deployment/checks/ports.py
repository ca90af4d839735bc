"""M37 to M40: ports that clash, differ, do not exist, or are open to everybody."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import EVERYWHERE, LOCAL
from dean_airflow.deployment.description.compose import STANDARD_NAMES, ComposeReader
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import parse_env_file
from dean_airflow.deployment.description.facts import container_ports, each_variable, kind, listening
from dean_airflow.deployment.description.images import DATABASES, PROXIES
from dean_airflow.deployment.description.service import Port, Service
from dean_airflow.deployment.description.talk import calls
from dean_airflow.deployment.description.tree import Tree
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.place import Place

_HIGHEST = 65_535
_PRIVILEGED = 1024
_SCHEMES_WITH_PORTS = frozenset(
    {"http", "https", "ws", "wss", "postgres", "postgresql", "mysql", "mariadb", "redis", "rediss", "amqp", "amqps"}
    | {"mongodb", "grpc", "tcp", ""}
)


@dataclass(frozen=True)
class _Taken:
    number: int
    host: str
    protocol: str
    service: Service
    port: Port
    project: Path | None


@check(
    "M37", "error", "Host port used twice",
    why="The second container does not start.",
    fix="Give each a port of its own.",
)  # fmt: skip
def port_used_twice(deployment: Deployment) -> Iterator[Hit]:
    taken: dict[int, list[_Taken]] = {}
    seen: set[Place] = set()
    for one in [*_published(list(deployment.services.values()), None), *_other_projects(deployment)]:
        for other in taken.get(one.number, ()):
            if one.port.place not in seen and _clash(one, other):
                seen.add(one.port.place)
                what = f"Host port {one.number}/{one.protocol} of {one.service.name} is {other.service.name}'s already."
                yield Hit(one.port.place, what, also=(other.port.place,))
        taken.setdefault(one.number, []).append(one)


def _published(services: list[Service], project: Path | None) -> Iterator[_Taken]:
    for service in services:
        for port in service.ports:
            if len(port.published_numbers) > len(port.target_numbers) == 1:
                continue  # any free one of the range
            for number in port.published_numbers[:1000]:
                yield _Taken(number, port.host, port.protocol, service, port, project)


def _clash(one: _Taken, other: _Taken) -> bool:
    if one.protocol != other.protocol or one.port.place == other.port.place:
        return False
    if one.project is not None and one.project == other.project and one.service.name == other.service.name:
        return False
    profiles = one.service.profiles, other.service.profiles
    if one.project == other.project and all(profiles) and not profiles[0] & profiles[1]:
        return False
    if one.host == other.host:
        return True
    if one.host in EVERYWHERE and other.host in EVERYWHERE:
        return "" in (one.host, other.host) or one.host == other.host
    if one.host not in EVERYWHERE and other.host not in EVERYWHERE:
        return False
    general, specific = (one, other) if one.host in EVERYWHERE else (other, one)
    return general.host in ("", "*") or (general.host == "::") == (":" in specific.host)


def _other_projects(deployment: Deployment) -> Iterator[_Taken]:
    """Compose files below the directory that the main project does not merge; alternatives beside it are none."""
    merged = {layer.path for layer in [*deployment.compose.layers, *deployment.compose.included]}
    merged |= {deployment.tree.root / reference for reference in _extended_files(deployment)}
    for folder in sorted({path.parent for path in deployment.tree.files if path.name in STANDARD_NAMES}):
        if folder == deployment.root:
            continue
        path = next(folder / name for name in STANDARD_NAMES if (folder / name).is_file())
        if path in merged:
            continue
        yield from _published(_services_of(deployment.tree, path), folder)


def _extended_files(deployment: Deployment) -> Iterator[str]:
    for layer in [*deployment.compose.layers, *deployment.compose.included]:
        services = layer.root.get("services")
        for _, node in services.items() if services is not None else ():
            file = node.get("extends", "file")
            if file is not None:
                yield os.path.relpath(os.path.normpath(layer.path.parent / file.text), deployment.root)


def _services_of(tree: Tree, path: Path) -> list[Service]:
    source = tree.source(path.parent / ".env")
    variables = parse_env_file(source).by_name if source is not None else {}
    project = ComposeReader(tree, variables).read([path], Place(tree.name(path)))
    return [Service(name, node, path.parent) for name, node in project.section("services").items() if node.is_map]


@check(
    "M38", "error", "Port differs from the one listened on",
    why="The connection is refused.",
    fix="Use the port that the service listens on: the container's inside a network, the published one from outside.",
)  # fmt: skip
def port_differs(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for call in calls(deployment):
        if call.port is None or call.port < 0 or call.scheme not in _SCHEMES_WITH_PORTS or call.place in seen:
            continue
        local = call.host in LOCAL
        service = call.reader if local and call.is_health else deployment.service_called(call.host)
        if service is None or (local and not call.is_health):
            continue
        known = container_ports(deployment, service)
        if call.reader is None and any(call.port in port.published_numbers for port in service.ports):
            continue
        if known and call.port not in known:
            seen.add(call.place)
            ports = ", ".join(str(port) for port in sorted(known))
            yield Hit(call.place, f"{call.by} names port {call.port} of {service.name}, which listens on {ports}.")
    yield from _from_outside(deployment, seen)
    yield from _published_to_nothing(deployment, seen)


def _from_outside(deployment: Deployment, seen: set[Place]) -> Iterator[Hit]:
    """What a browser or a process of the host calls at localhost must be published."""
    published = {
        number for service in deployment.services.values() for p in service.ports for number in p.published_numbers
    }
    if not published or deployment.environment != "local":
        return
    used = {v.source.place for s in deployment.services.values() for v in s.environment.values()}
    for variable, service in each_variable(deployment):
        name = variable.name
        browser = name.startswith(("VITE_", "NEXT_PUBLIC_", "REACT_APP_", "PUBLIC_", "VUE_APP_", "NUXT_PUBLIC_"))
        unused = service is None and variable.place not in used and name.endswith(("_URL", "_URI"))
        place = variable.source.place
        if not (browser or unused) or place in seen or _is_for_tests(variable.place.file):
            continue
        for url in find_urls(variable.source.value):
            if url.host in LOCAL and url.port and url.port > 0 and url.port not in published:
                seen.add(place)
                yield Hit(place, f"{name} names port {url.port} of this machine, which no service publishes.")


def _is_for_tests(file: str) -> bool:
    return re.search(r"test|ci\b", file) is not None


def _published_to_nothing(deployment: Deployment, seen: set[Place]) -> Iterator[Hit]:
    for service in deployment.services.values():
        heard = listening(deployment, service)
        targets = {number for port in service.ports for number in port.target_numbers}
        if not heard or not targets or targets & heard or kind(deployment, service) in PROXIES:
            continue
        port = service.ports[0]
        if port.place in seen:
            continue
        seen.add(port.place)
        ports = ", ".join(str(number) for number in sorted(heard))
        yield Hit(port.place, f"{service.name} publishes its port {port.target}, but listens on {ports}.")


@check(
    "M39", "error", "Port out of range",
    why="There is no such port, or binding it needs a privilege.",
    fix="Choose a port from 1024 to 65535.",
)  # fmt: skip
def port_out_of_range(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for variable, _ in each_variable(deployment):
        name, value, place = variable.name.upper(), variable.value.strip(), variable.source.place
        is_port = (name.endswith("_PORT") or name == "PORT") and value.isdigit()
        if is_port and not 1 <= int(value) <= _HIGHEST and place not in seen:
            seen.add(place)
            yield Hit(place, f"{variable.name} is {value}; ports are 1 to {_HIGHEST}.")
        for url in find_urls(variable.source.value):
            if url.port is not None and url.port >= 0 and not 1 <= url.port <= _HIGHEST and place not in seen:
                seen.add(place)
                yield Hit(place, f"The port of {variable.name} is {url.port}; ports are 1 to {_HIGHEST}.")
    judged = {variable.source.name: variable.source.value for variable, _ in each_variable(deployment)}
    for service in deployment.services.values():
        exempt = kind(deployment, service) in PROXIES
        for port in service.ports:
            if port.place in seen:
                continue
            numbers = _bounds(port.published) + _bounds(port.target)
            if any(not 1 <= number <= _HIGHEST for number in numbers):
                named = [r.use.name for r in deployment.compose.references if r.place == port.place]
                if not any(name.upper().endswith("PORT") and name in judged for name in named):
                    yield Hit(port.place, f"A port of {service.name} is out of range; ports are 1 to {_HIGHEST}.")
                seen.add(port.place)
            elif any(n < _PRIVILEGED and not (exempt and n in (80, 443)) for n in _bounds(port.published)):
                seen.add(port.place)
                what = f"{service.name} publishes port {port.published}; ports under {_PRIVILEGED} need a privilege."
                yield Hit(port.place, what, "warning")
        node = service.get("expose")
        for entry in node.entries() if node is not None else []:
            if any(not 1 <= number <= _HIGHEST for number in _bounds(entry.text.split("/")[0])):
                yield Hit(entry.place, f"{service.name} exposes port {entry.text}; ports are 1 to {_HIGHEST}.")


def _bounds(text: str) -> list[int]:
    return [int(part) for part in text.split("-") if part.isdigit()] if re.fullmatch(r"\d+(?:-\d+)?", text) else []


@check(
    "M40", "warning", "Database published on all interfaces",
    why="Everybody who reaches the machine reaches the database; Docker goes round the firewall.",
    fix="Bind it to 127.0.0.1, or do not publish it.",
)  # fmt: skip
def database_published(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        if kind(deployment, service) not in DATABASES:
            continue
        for port in service.ports:
            if port.host in EVERYWHERE:
                yield Hit(port.place, f"{service.name} is published on all interfaces.")
