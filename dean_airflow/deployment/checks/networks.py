"""M41 and M43: networks that do not meet, and origins that are not allowed."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import LOCALHOST, LOOPBACK
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import each_variable
from dean_airflow.deployment.description.naming import TRUE
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.proxy import upstreams
from dean_airflow.deployment.description.roles import user_interface
from dean_airflow.deployment.description.secrets import scope_of
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.talk import calls
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

_ORIGINS = re.compile(r"CORS.*ORIGIN|ALLOWED?_ORIGINS?$|ACCESS_CONTROL_ALLOW_ORIGINS?$|^CORS$")
_CREDENTIALS = re.compile(r"CORS.*CREDENTIALS|ALLOW_CREDENTIALS$|ACCESS_CONTROL_ALLOW_CREDENTIALS$")


@check(
    "M41", "error", "No common network",
    why="The one does not find the other's name, or packets for one network go to the other.",
    fix="Put both on one network; give each network a subnet of its own.",
)  # fmt: skip
def no_common_network(deployment: Deployment) -> Iterator[Hit]:
    seen: set[tuple[str, str]] = set()
    found = [(call.reader, call.host, call.place) for call in calls(deployment) if not call.is_health]
    found += [(upstream.proxy, upstream.host, upstream.place) for upstream in upstreams(deployment)]
    for reader, host, place in found:
        other = deployment.service_called(host)
        if reader is None or other is None or other is reader or (reader.name, other.name) in seen:
            continue
        ours, theirs = _networks(deployment, reader), _networks(deployment, other)
        if ours is None or theirs is None or ours & theirs:
            continue
        seen.add((reader.name, other.name))
        what = f"{reader.name} calls {other.name}, and they share no network."
        yield Hit(place, what, also=(reader.at("networks"), other.at("networks"), reader.place, other.place))
    yield from _overlapping(deployment)


def _networks(deployment: Deployment, service: Service) -> set[str] | None:
    """The networks a service is on; None where that cannot be told."""
    mode = service.get("network_mode")
    if mode is None:
        return set(service.networks)
    if mode.text.startswith("service:"):
        other = deployment.services.get(mode.text.removeprefix("service:"))
        return _networks(deployment, other) if other is not None and other is not service else None
    return None


def _overlapping(deployment: Deployment) -> Iterator[Hit]:
    subnets: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str, Place]] = []
    for name, node in deployment.compose.section("networks").items():
        configs = node.get("ipam", "config")
        for entry in configs.entries() if configs is not None else []:
            subnet = entry.get("subnet")
            if subnet is None:
                continue
            try:
                network = ipaddress.ip_network(subnet.text, strict=False)
            except ValueError:
                continue
            for other, other_name, place in subnets:
                if other.version == network.version and network.overlaps(other):
                    what = f"The subnet {network} of {name} overlaps {other} of {other_name}."
                    yield Hit(subnet.place, what, also=(place,))
                    break
            subnets.append((network, name, subnet.place))


@check(
    "M43", "error", "CORS origins wrong",
    why="With `*` any site acts for a logged-in user, or browsers refuse; without its origin the UI does not work.",
    fix="List the origins, the user interface's among them.",
)  # fmt: skip
def cors_origins(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for variable, scope, service in _origin_variables(deployment):
        place = variable.source.place
        if place in seen or not variable.value.strip():
            continue
        origins = _listed(variable.value)
        if "*" in origins:
            credentials = next(
                (v for n, v in scope.items() if _CREDENTIALS.search(n.upper()) and v.value.lower() in TRUE), None
            )
            if credentials is not None:
                seen.add(place)
                what = f"{variable.name} allows every origin, and credentials with it."
                yield Hit(place, what, also=(credentials.source.place,))
            continue
        missing = _missing_origin(deployment, origins, service)
        if missing:
            seen.add(place)
            yield Hit(place, f"{variable.name} lacks the user interface's origin, {missing}.")
    yield from _in_files(deployment)


def _origin_variables(deployment: Deployment) -> Iterator[tuple[Variable, Mapping[str, Variable], Service | None]]:
    for service in deployment.services.values():
        for name, variable in service.environment.items():
            if _ORIGINS.search(name.upper()):
                yield variable, service.environment, service
    for variable, owner in each_variable(deployment):
        if owner is None and _ORIGINS.search(variable.name.upper()):
            yield variable, scope_of(deployment, variable), None


def _listed(value: str) -> list[str]:
    text = value.strip()
    if text.startswith("["):
        try:
            parsed = json.loads(text.replace("'", '"'))
            return [str(each).rstrip("/") for each in parsed]
        except ValueError:
            text = text.strip("[]")
    return [part.strip().strip("\"'").rstrip("/") for part in re.split(r"[,;\s]+", text) if part.strip()]


def _missing_origin(deployment: Deployment, origins: list[str], service: Service | None) -> str:
    """The user interface's origin that is not among those allowed; empty where one is, or none can be told."""
    expected = _ui_origins(deployment, service)
    if not expected:
        return ""
    allowed = {origin.lower() for origin in origins}
    for origin in expected:
        wildcard = any(
            "*" in each and re.fullmatch(re.escape(each).replace(r"\*", r"[\w.:-]*"), origin) for each in allowed
        )
        if origin in allowed or origin.replace(LOCALHOST, LOOPBACK) in allowed or wildcard:
            return ""
    return expected[0]


def _ui_origins(deployment: Deployment, asking: Service | None) -> list[str]:
    interfaces = [s for s in deployment.services.values() if user_interface(s) and s is not asking]
    if not interfaces:
        return []
    if deployment.environment != "local":
        return [f"{scheme}://{host.lower()}" for host, _ in deployment.public_hosts for scheme in ("https", "http")]
    origins = []
    for service in interfaces:
        for port in service.ports:
            origins += [f"http://{LOCALHOST}:{number}".removesuffix(":80") for number in port.published_numbers]
    return origins


def _in_files(deployment: Deployment) -> Iterator[Hit]:
    """`origins` beside `credentials` in JSON and YAML configuration."""
    for source in deployment.tree.matching(".json", ".yml", ".yaml"):
        if "rigin" not in source.text or "redential" not in source.text or len(source.data) > 200_000:
            continue
        root = parse_yaml(source).root
        for node in root.walk() if root is not None else ():
            if not node.is_map:
                continue
            origins = next((child for name, child in node.items() if re.search(r"origin", name, re.I)), None)
            credentials = next((child for name, child in node.items() if re.search(r"credential", name, re.I)), None)
            if origins is None or credentials is None or credentials.text.lower() not in TRUE:
                continue
            wild = next((entry for entry in origins.entries() if "*" in _listed(entry.text)), None)
            if wild is not None:
                yield Hit(
                    wild.place,
                    f"{source.name} allows every origin, and credentials with it.",
                    also=(_key(credentials),),
                )
    for source in deployment.tree.matching(".conf", ".template"):
        yield from _in_proxy(source.name, source.lines)


def _in_proxy(name: str, lines: list[str]) -> Iterator[Hit]:
    wild = re.compile(
        r"^\s*(?:add_header|more_set_headers|Header\s+set)\s+.*Access-Control-Allow-Origin\"?[\s:]+[\"']?\*"
    )
    allow = re.compile(
        r"^\s*(?:add_header|more_set_headers|Header\s+set)\s+.*Access-Control-Allow-Credentials\"?[\s:]+[\"']?true"
    )
    found = next((number for number, line in enumerate(lines, 1) if wild.search(line)), None)
    if found and any(allow.search(line) for line in lines):
        yield Hit(Place(name, found), f"{name} allows every origin, and credentials with it.")


def _key(node: Node) -> Place:
    return node.named
