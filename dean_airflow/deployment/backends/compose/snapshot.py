"""The compose file of one release: one service, everything filled in, on the networks and volumes of the whole project.

What a service keeps (volumes) belongs to the whole project, never to a release: removing a release removes none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.proxy import Proxy, proxies
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError

FILE = "compose.json"
LABEL = "dean.site"
_ELSEWHERE = ("depends_on", "links", "extends", "profiles", "env_file", "container_name", "external_links")
"""Keys of a service that name other services, or that are filled in already."""


def project_name(deployment: Deployment) -> str:
    """As compose has it: `name`, else COMPOSE_PROJECT_NAME, else the directory's name."""
    named = deployment.compose.root.get("name")
    variable = deployment.variables.get("COMPOSE_PROJECT_NAME")
    text = (named.text if named is not None else "") or (variable.value if variable is not None else "")
    return re.sub(r"[^a-z0-9_-]", "", (text or deployment.root.name).lower()).lstrip("_-") or "deployment"


def proxy_of(deployment: Deployment, service: str) -> Proxy | None:
    """The proxy that requests for a service come through: one whose configuration file names it as an upstream."""
    for proxy in proxies(deployment):
        if proxy.service is None or proxy.service.name == service or proxy.source is None:
            continue
        for upstream in proxy.upstreams:
            found = deployment.service_called(upstream.host)
            if found is not None and found.name == service and upstream.place.line is not None:
                return proxy
    return None


def is_mounted(proxy: Proxy) -> bool:
    """Whether the proxy's container has its configuration file from this directory, and so sees it change."""
    paths = [mount.path for mount in proxy.service.mounts if mount.path is not None] if proxy.service else []
    return any(proxy.source.path == path or proxy.source.path.is_relative_to(path) for path in paths)


def snapshot(deployment: Deployment, service: Service, environment: Mapping[str, str], site: Site) -> str:
    """The file's text, with `@RELEASE@` where the release's name goes.

    Raises DeploymentError for a service that cannot be alone.
    """
    for key, value in (("network_mode", "service:"), ("volumes_from", ""), ("pid", "service:"), ("ipc", "service:")):
        node = service.get(key)
        if node is not None and (not value or node.text.startswith(value)):
            raise DeploymentError(
                f"{node.place}: {service.name} shares `{key}` with another service, so it has no releases."
            )
    project = project_name(deployment)
    proxied = proxy_of(deployment, service.name) is not None
    plain = {name: value for name, value in service.node.plain().items() if name not in _ELSEWHERE}
    plain["environment"] = dict(environment)
    plain["labels"] = {**_labels(service), LABEL: site.id, "dean.service": service.name, "dean.release": "@RELEASE@"}
    if service.is_built:
        plain["image"] = f"{project}-{service.name}:@RELEASE@"
    host = f"{service.name}-@RELEASE@"
    aliases = [host] if proxied else [service.name, host]
    if proxied:
        plain.pop("ports", None)
    networks = _networks(service)
    if networks is not None:
        plain["networks"] = {
            name: {**settings, "aliases": [*settings.get("aliases", []), *aliases]}
            for name, settings in networks.items()
        }
    compose = deployment.compose
    document: dict[str, Any] = {
        "name": f"{project}-{service.name}-@RELEASE@",
        "services": {service.name: _escaped(plain)},
    }
    if networks:
        defined = compose.section("networks")
        document["networks"] = {
            name: {"external": True, "name": _outer(project, name, defined.get(name))} for name in networks
        }
    volumes = {mount.source for mount in service.mounts if mount.kind == "volume" and mount.source}
    if volumes:
        defined = compose.section("volumes")
        document["volumes"] = {
            name: {"external": True, "name": _outer(project, name, defined.get(name))} for name in sorted(volumes)
        }
    for section in ("secrets", "configs"):
        entries = compose.section(section)
        if service.get(section) is not None and entries:
            document[section] = {name: _escaped(node.plain()) for name, node in entries.items()}
    return json.dumps(document, indent=1, sort_keys=True, default=str)


def _networks(service: Service) -> dict[str, dict[str, Any]] | None:
    """By name; None where it has a network mode of its own."""
    if service.get("network_mode") is not None:
        return None
    node = service.get("networks")
    if node is None or node.value is None:
        return {"default": {}}
    return {name: dict(entry.plain() or {}) if entry.is_map else {} for name, entry in as_mapping(node).items()}


def _outer(project: str, name: str, defined: Any) -> str:
    """What docker calls a network or volume of the project."""
    own = defined.get("name") if defined is not None else None
    if own is not None:
        return str(own.text)
    external = defined.get("external") if defined is not None else None
    return name if external is not None and external.text == "true" else f"{project}_{name}"


def _labels(service: Service) -> dict[str, str]:
    node = service.get("labels")
    return {name: entry.text for name, entry in as_mapping(node).items()} if node is not None else {}


def _escaped(value: Any) -> Any:
    """Compose fills variables in once more, and all are filled in already."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: _escaped(child) for name, child in value.items()}
    return [_escaped(child) for child in value] if isinstance(value, list) else value
