"""Who talks to whom: the hosts that services name in URLs, host variables, commands, proxies and scrape targets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.databases import url_uses
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import kind, remembered
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.roles import BROWSER_PREFIXES
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_HOST_NAME = re.compile(r"(?:^|_)(?:HOST|HOSTNAME|SERVERS?|BROKERS?|NODES?|ENDPOINT|ADDR|ADDRESS|BOOTSTRAP_SERVERS)$")
_PGHOST = re.compile(r"^(?:PGHOST|MYSQL_HOST|REDIS_HOST)$")
_BINDS = re.compile(
    r"^(?:HOST|HOSTNAME|SERVER_NAME|VIRTUAL_HOST|LETSENCRYPT_HOST|DOCKER_HOST|NODE_NAME|SERVER)$|BIND|LISTEN|ALLOWED"
    r"|^(?:UVICORN|GUNICORN|FLASK_RUN|WEB|APP|API|SERVER|HTTP|SERVICE|DEV_SERVER|GRADIO_SERVER)_HOST(?:NAME)?$"
    r"|_(?:PUBLIC|EXTERNAL|ADVERTISED)_|TRUSTED|CORS|^KC_HOSTNAME|DOMAIN|_RUN_HOST$|ADVERTISED|ETCD_|INITIAL_CLUSTER"
)
_BROWSER = re.compile(
    r"(?:^|_)(?:CORS|ORIGINS?|REDIRECT|CALLBACK|PUBLIC|EXTERNAL|FRONTEND|CANONICAL|LOGOUT|ISSUER)(?:_|$)"
    r"|^(?:BASE|SITE|APP|WEB|UI|ROOT|HOME|HOMEPAGE|DASHBOARD|NEXTAUTH|AUTH)_?URL$|ROOT_URL$|^APP_BASE_URL$|^NEXTAUTH_URL$"
    r"|^AIRFLOW__(?:API|WEBSERVER)__BASE_URL$|ACCESS_CONTROL_ALLOW_ORIGIN|GF_SERVER_|_PUBLIC_|ALLOWED_HOSTS"
)
_LIST_ITEM = re.compile(r"^(?:\w[\w+.-]*://)?(?:[^@/\s]*@)?(\[[^\]]+\]|[A-Za-z0-9_.-]+)(?::(\d+))?(?:/.*)?$")


@dataclass(frozen=True)
class Call:
    """A host that something names: `port` None where not given; `reader` the service that will look it up, if any.

    `by` says what names it; `scheme` is empty for a bare host.
    """

    host: str
    port: int | None
    scheme: str
    place: Place
    by: str
    reader: Service | None
    is_health: bool = False


def calls(deployment: Deployment) -> list[Call]:
    """Every call of the deployment; proxies' upstreams are kept apart, with the proxies."""
    return remembered(deployment, "calls", lambda: list(_calls(deployment)))


def is_for_browsers(name: str) -> bool:
    """Whether a variable is read by a browser, for which `localhost` is the user's own machine."""
    return name.startswith(BROWSER_PREFIXES) or _BROWSER.search(name) is not None


def _calls(deployment: Deployment) -> Iterator[Call]:
    for use in url_uses(deployment):
        if is_for_browsers(use.name) or use.url.host in ("", "+", "*") or _BINDS.search(use.name):
            continue
        for service in use.readers or (None,):
            url = use.url
            yield Call(url.host, url.effective_port, url.family, use.place, use.name, service)
        yield from _further_hosts(use.url.text, use.place, use.name, use.readers)
    for service in deployment.services.values():
        for variable in service.environment.values():
            yield from _host_variables(service, variable)
        yield from _health_calls(service)
    yield from _scrapes(deployment)
    yield from _data_sources(deployment)


def _further_hosts(text: str, place: Place, name: str, readers: tuple[Service, ...]) -> Iterator[Call]:
    """The second and further hosts of `mongodb://a:1,b:2/x`."""
    authority = re.split(r"[/?#]", text.partition("://")[2])[0].rpartition("@")[2]
    for part in authority.split(",")[1:]:
        match = _LIST_ITEM.match(part.strip())
        if match:
            for service in readers or (None,):
                yield Call(match[1], int(match[2]) if match[2] else None, "", place, name, service)


def _host_variables(service: Service, variable: Variable) -> Iterator[Call]:
    name, value = variable.name.upper(), variable.value.strip()
    if not (_HOST_NAME.search(name) or _PGHOST.match(name)) or _BINDS.search(name) or is_for_browsers(name):
        return
    if not value or "://" in value or "$" in value or value.startswith(("/", "[", "{", "@")):
        return
    stem = re.sub(r"(?:HOST|HOSTNAME|SERVER)$", "", variable.name)
    beside = service.environment.get(f"{stem}PORT")
    for part in value.split(","):
        match = _LIST_ITEM.match(part.strip())
        if match is None:
            continue
        port = int(match[2]) if match[2] else None
        if port is None and beside is not None and beside.value.isdigit() and stem != variable.name:
            yield Call(match[1], None, "", variable.source.place, variable.name, service)
            yield Call(match[1], int(beside.value), "", beside.source.place, beside.name, service)
        else:
            yield Call(match[1], port, "", variable.source.place, variable.name, service)


def _health_calls(service: Service) -> Iterator[Call]:
    from dean_airflow.deployment.description.url import find_urls

    test = service.health_test
    for entry in test.entries() if test is not None else []:
        for url in find_urls(service.expand(entry.text)):
            by = f"the health check of {service.name}"
            yield Call(url.host, url.effective_port, url.family, entry.place, by, service, is_health=True)


def mounted_yaml(deployment: Deployment, service: Service) -> list[tuple[Source, Node]]:
    """The YAML files that a service has mounted, parsed."""
    found = []
    for mount in service.mounts:
        if mount.path is None:
            continue
        for source in deployment.tree.sources:
            if source.path.suffix in (".yml", ".yaml") and (
                source.path == mount.path or source.path.is_relative_to(mount.path)
            ):
                root = parse_yaml(source).root
                if root is not None:
                    found.append((source, root))
    for entry in (service.get("configs") or Node([], service.place)).entries():
        name = entry.get("source") if entry.is_map else entry
        file = deployment.compose.section("configs").get(name.text if name else "", Node({}, service.place)).get("file")
        source_file = deployment.tree.source(deployment.tree.resolve(file.text)) if file is not None else None
        root = parse_yaml(source_file).root if source_file is not None else None
        if source_file is not None and root is not None:
            found.append((source_file, root))
    return found


def _scrapes(deployment: Deployment) -> Iterator[Call]:
    for service in deployment.services.values():
        if kind(deployment, service) != "prometheus":
            continue
        for source, root in mounted_yaml(deployment, service):
            for part in ("scrape_configs", "alerting"):
                node = root.get(part)
                for targets in _found(node, "targets") if node is not None else ():
                    for target in targets.entries():
                        match = _LIST_ITEM.match(target.text)
                        if match and "$" not in target.text:
                            port = int(match[2]) if match[2] else None
                            yield Call(match[1], port, "http", target.place, source.name, service)


def _data_sources(deployment: Deployment) -> Iterator[Call]:
    from dean_airflow.deployment.description.url import find_urls

    for service in deployment.services.values():
        if kind(deployment, service) not in ("grafana", "prometheus", "promtail"):
            continue
        for source, root in mounted_yaml(deployment, service):
            for part in ("datasources", "remote_write", "remote_read", "clients"):
                node = root.get(part)
                for found in _found(node, "url") if node is not None else ():
                    for url in find_urls(found.text):
                        yield Call(url.host, url.effective_port, url.family, found.place, source.name, service)
                    if "://" not in found.text and (match := _LIST_ITEM.match(found.text)):
                        yield Call(match[1], int(match[2]) if match[2] else None, "", found.place, source.name, service)


def _found(node: Node | None, name: str) -> Iterator[Node]:
    """Every value filed under a name, at any depth."""
    if node is None:
        return
    for key, child in node.items():
        if key == name:
            yield child
        yield from _found(child, name)
    if node.is_list:
        for child in node.value:
            yield from _found(child, name)
