"""M31: hosts that no service has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import EVERYWHERE, LOCAL
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import container_ports
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.talk import Call, calls
from dean_airflow.deployment.place import Place

_NOT_LOOKED_UP = frozenset(
    {
        "file",
        "sqlite",
        "unix",
        "data",
        "mailto",
        "s3",
        "gs",
        "git",
        "urn",
        "ldapi",
        "mem",
        "memory",
        "plaintext",
        "tcp",
        "internal",
        "external",
        "arn",
        "oci",
        "docker",
        "azure",
        "wasb",
        "controller",
        "plaintext_host",
        "sasl_ssl",
        "ssl",
        "duckdb",
        "bolt+s",
        "abfs",
        "hdfs",
    }
)


@check(
    "M31",
    "error",
    "Host is no service",
    why="The name is not found, or leads back into the container itself.",
    fix="Use the name of the service.",
)
def unknown_host(deployment: Deployment) -> Iterator[Hit]:
    known = {name for service in deployment.services.values() for name in service.names}
    seen: set[Place] = set()
    for call in calls(deployment):
        host = call.host
        if call.place in seen or host in EVERYWHERE or call.scheme in _NOT_LOOKED_UP or re.search(r"[$%{}<>]", host):
            continue
        if call.reader is None or call.by.upper().endswith("PORT"):
            continue  # a process of the host, or a port beside a host that is judged itself
        if host in LOCAL:
            if _local_is_wrong(deployment, call, call.reader):
                seen.add(call.place)
                what = f"{call.by} names {host}, which inside {call.reader.name} is the container itself."
                yield Hit(call.place, what)
            continue
        if "." in host or ":" in host or host in known or host in _extra_hosts(deployment, call.reader):
            continue
        close = get_close_matches(host, known, 1, 0.7)
        if _reaches_others(deployment, call.reader) and not close:
            continue
        seen.add(call.place)
        hint = f" (did you mean {close[0]}?)" if close else ""
        yield Hit(call.place, f"{call.by} names the host {host}, which is no service{hint}.")


def _local_is_wrong(deployment: Deployment, call: Call, reader: Service) -> bool:
    mode = reader.get("network_mode")
    if call.is_health or (mode is not None and mode.text.startswith(("host", "service:", "container:"))):
        return False
    if _shares_network(deployment, reader):
        return False
    own = container_ports(deployment, reader)
    return not (call.port is not None and call.port in own)


def _shares_network(deployment: Deployment, reader: Service) -> bool:
    """Whether another service lives in its network namespace."""
    wanted = f"service:{reader.name}"
    return any(
        (mode := service.get("network_mode")) is not None and mode.text == wanted
        for service in deployment.services.values()
    )


def _extra_hosts(deployment: Deployment, reader: Service) -> set[str]:
    node = reader.get("extra_hosts")
    names = set(as_mapping(node).value or {}) if node is not None and (node.is_list or node.is_map) else set()
    for part in ("links", "external_links"):
        links = reader.get(part)
        names |= {word.rpartition(":")[2] for word in links.words()} if links is not None else set()
    return names


def _reaches_others(deployment: Deployment, reader: Service) -> bool:
    """Whether it is on a network that other projects are on, too."""
    networks = deployment.compose.section("networks")
    for name in reader.networks:
        external = networks[name].get("external") if name in networks else None
        if external is not None and external.text != "false":
            return True
    return False
