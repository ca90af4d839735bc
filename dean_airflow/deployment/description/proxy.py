"""Proxies and their configurations: which file is whose, what it listens on, serves, passes on and trusts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.blocks import Block, parse_blocks
from dean_airflow.deployment.description.facts import dockerfile_of, kind, remembered
from dean_airflow.deployment.description.images import PROXIES
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.proxy_files import other_proxy
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_UPSTREAM = re.compile(r"^(?:(\w+)://)?(\[[^\]]+\]|[A-Za-z0-9_.-]+)(?::(\d+))?(?=[/?\s;]|$)")


@dataclass(frozen=True)
class Upstream:
    """Where a proxy passes requests to. `scheme` empty where not said.

    `asked` are scheme and place of those that name the group, where it is one of a group.
    """

    host: str
    port: int | None
    scheme: str
    place: Place
    proxy: Service | None
    path: str = ""
    asked: tuple[tuple[str, Place], ...] = ()


@dataclass
class Certificate:
    """A certificate or key that a configuration names, as a path in the proxy's container."""

    path: str
    place: Place
    role: str
    hosts: list[tuple[str, Place]] = field(default_factory=list)
    pair: int = 0


@dataclass
class ProxySite:
    """One server block: its hosts, whether it serves TLS or plain HTTP, and what it does with plain HTTP."""

    place: Place
    hosts: list[tuple[str, Place]] = field(default_factory=list)
    tls: bool = False
    plain: Place | None = None
    redirects: bool = False
    ports: set[int] = field(default_factory=set)
    tls_ports: set[int] = field(default_factory=set)


@dataclass
class WebSocketPlace:
    """A location for WebSockets, and whether it passes the upgrade on."""

    place: Place
    path: str
    upgrades: bool


@dataclass
class Proxy:
    """A configuration file, who runs it (None where nobody mounts it), and what it says."""

    source: Source
    kind: str
    service: Service | None
    sites: list[ProxySite] = field(default_factory=list)
    upstreams: list[Upstream] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    protocols: list[tuple[str, Place]] = field(default_factory=list)
    web_sockets: list[WebSocketPlace] = field(default_factory=list)


def proxies(deployment: Deployment) -> list[Proxy]:
    """Every proxy configuration of the deployment."""
    return remembered(deployment, "proxies", lambda: list(_proxies(deployment)))


def upstreams(deployment: Deployment) -> list[Upstream]:
    """Every upstream of every proxy."""
    return [upstream for proxy in proxies(deployment) for upstream in proxy.upstreams]


def _proxies(deployment: Deployment) -> Iterator[Proxy]:
    seen: set[str] = set()
    for service in deployment.services.values():
        what = kind(deployment, service)
        if what not in PROXIES:
            continue
        for source in _configurations(deployment, service, what):
            if source.name not in seen:
                seen.add(source.name)
                yield _read(deployment, source, what, service)
        if what == "traefik":
            yield other_proxy(deployment, None, "traefik", service)
    for source in deployment.tree.sources:
        if source.name not in seen and source.path.name in ("nginx.conf", "Caddyfile", "haproxy.cfg"):
            what = {"nginx.conf": "nginx", "Caddyfile": "caddy", "haproxy.cfg": "haproxy"}[source.path.name]
            only = [s for s in deployment.services.values() if kind(deployment, s) == what]
            yield _read(deployment, source, what, only[0] if len(only) == 1 else None)


def _configurations(deployment: Deployment, service: Service, what: str) -> Iterator[Source]:
    roots: list[Path] = [mount.path for mount in service.mounts if mount.path is not None]
    for entry in (service.get("configs") or Node([], service.place)).entries():
        name = entry.get("source") if entry.is_map else entry
        defined = deployment.compose.section("configs").get(name.text if name is not None else "")
        file = defined.get("file") if defined is not None else None
        if file is not None:
            roots.append(deployment.tree.resolve(file.text))
    dockerfile = dockerfile_of(deployment, service)
    if dockerfile is not None:
        context = dockerfile.source.path.parent
        for instruction in dockerfile.all_of("COPY") + dockerfile.all_of("ADD"):
            words = [w for w in instruction.rest.split() if not w.startswith("--")]
            roots += [context / word for word in words[:-1] if "--from" not in instruction.rest]
    for source in deployment.tree.sources:
        if any(source.path == root or source.path.is_relative_to(root) for root in roots) and _is_configuration(
            source, what
        ):
            yield source


def _is_configuration(source: Source, what: str) -> bool:
    name = source.path.name
    if what in ("nginx", "httpd"):
        return name.endswith((".conf", ".conf.template", ".template", ".nginx")) or name in ("default", "nginx")
    if what == "caddy":
        return name.startswith("Caddyfile") or name.endswith(".caddy")
    if what == "haproxy":
        return name.endswith(".cfg")
    return name.endswith((".yml", ".yaml", ".toml"))


def _read(deployment: Deployment, source: Source, what: str, service: Service | None) -> Proxy:
    if what == "nginx":
        return _nginx(source, service)
    return other_proxy(deployment, source, what, service)


def _nginx(source: Source, service: Service | None) -> Proxy:
    proxy = Proxy(source, "nginx", service)
    fill = service.expand if service is not None else (lambda text: text)
    root = parse_blocks(source)
    groups = {block.argument: block for block in root.walk() if block.name == "upstream"}
    variables = {
        parts[0]: parts[1]
        for block in root.walk() if block.name == "set" and len(parts := block.argument.split(None, 1)) == 2
    }  # fmt: skip
    asked: dict[str, list[tuple[str, Place]]] = {}
    for block in root.walk():
        if block.name == "proxy_pass" and (match := re.match(r"(https?)://([\w.-]+)", block.argument)) is not None:
            asked.setdefault(match[2], []).append((match[1], block.place))
    for name, group in groups.items():
        for server in group.children:
            if server.name == "server":
                text = fill(server.argument.split()[0] if server.argument else "")
                _add_upstream(proxy, text, server, service, "", 80)
                if name in asked and proxy.upstreams and proxy.upstreams[-1].place == server.place:
                    proxy.upstreams[-1] = replace(proxy.upstreams[-1], asked=tuple(asked[name]))
    for block in root.walk():
        if block.name in ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass"):
            text = fill(block.argument.strip())
            for name, value in variables.items():
                text = text.replace(name, value.strip("\"'"))
            path = block.parent.argument if block.parent is not None and block.parent.name == "location" else ""
            _add_upstream(proxy, text, block, service, path, None, groups)
        elif block.name == "ssl_protocols":
            proxy.protocols.append((block.argument, block.place))
    for number, server in enumerate(b for b in root.walk() if b.name == "server" and b.children and _in_http(b)):
        _nginx_site(proxy, server, number, fill)
    _web_sockets(proxy, root, groups)
    return proxy


def _in_http(block: Block) -> bool:
    return block.parent is None or block.parent.name in ("", "http")


def _add_upstream(
    proxy: Proxy, text: str, block: Block, service: Service | None, path: str, default: int | None,
    groups: dict[str, Block] | None = None,
) -> None:  # fmt: skip
    match = _UPSTREAM.match(text)
    if match is None or text.startswith("unix:") or "unix:" in text:
        return
    scheme, host, port = match[1] or "", match[2], int(match[3]) if match[3] else None
    if groups is not None and host in groups:
        return
    if port is None:
        port = {"http": 80, "https": 443, "grpc": 80}.get(scheme, default)
    proxy.upstreams.append(Upstream(host, port, scheme, block.place, service, path))


def _nginx_site(proxy: Proxy, server: Block, number: int, fill: Callable[[str], str]) -> None:
    site = ProxySite(server.place)
    inherited = [*server.children, *(server.parent.children if server.parent is not None else [])]
    for child in server.children:
        if child.name == "server_name":
            site.hosts += [(name, child.place) for name in fill(child.argument).split()]
        elif child.name == "listen":
            words = child.argument.split()
            port = re.search(r"(\d+)$", words[0]) if words else None
            value = int(port[1]) if port else 80
            site.ports.add(value)
            if "ssl" in words[1:] or "quic" in words[1:]:
                site.tls = True
                site.tls_ports.add(value)
            elif "unix:" not in child.argument:
                site.plain = site.plain or child.place
    site.redirects = any(
        (b.name in ("return", "rewrite") and "https://" in b.argument)
        or (b.name == "error_page" and "497" in b.argument)
        for b in server.walk()
    )
    if not any(child.name == "listen" for child in server.children):
        site.plain = server.place
        site.ports.add(80)
    if any(child.name == "ssl" and child.argument == "on" for child in server.children):
        site.tls, site.plain = True, None
        site.tls_ports |= site.ports
    proxy.sites.append(site)
    for child in inherited if site.tls else server.children:
        if child.name in (
            "ssl_certificate",
            "ssl_certificate_key",
            "ssl_trusted_certificate",
            "ssl_client_certificate",
        ):
            role = {"ssl_certificate": "certificate", "ssl_certificate_key": "key"}.get(child.name, "ca")
            path = fill(child.argument.strip("\"'"))
            proxy.certificates.append(Certificate(path, child.place, role, list(site.hosts), number))


def _web_sockets(proxy: Proxy, root: Block, groups: dict[str, Block]) -> None:
    for location in root.walk():
        if location.name != "location" or not any(child.name == "proxy_pass" for child in location.walk()):
            continue
        path = location.argument.split()[-1] if location.argument else ""
        chain: list[Block] = []
        block: Block | None = location
        while block is not None:
            chain += block.children
            own = [child for child in block.children if child.name == "proxy_set_header"]
            block = block.parent if not own else None
        text = " ".join(f"{child.name} {child.argument}".lower() for child in chain)
        upgrades = "proxy_set_header upgrade" in text and "proxy_set_header connection" in text
        proxy.web_sockets.append(
            WebSocketPlace(location.place, path, upgrades or ("include" in text and "websocket" in text))
        )
