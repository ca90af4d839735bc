"""Configurations of Caddy, HAProxy, Apache and Traefik, brought into the same shape as nginx's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.addresses import ALL_V4, LOOPBACK
from dean_airflow.deployment.description.blocks import parse_blocks
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment
    from dean_airflow.deployment.description.proxy import Proxy

_HOST_PORT = re.compile(r"^(?:(https?|h2c|ws|wss)://)?(\[[^\]]+\]|[A-Za-z0-9_.-]+)(?::(\d+))?(?:/.*)?$")


def other_proxy(deployment: Deployment, source: Source | None, what: str, service: Service | None) -> Proxy:
    """Reads one configuration; for Traefik without a file, the labels of the services."""
    from dean_airflow.deployment.description.proxy import Proxy

    if source is None:
        proxy = Proxy(Source(Path("labels"), service.place.file if service else "", b"", 0o644), what, service)
        _traefik_labels(deployment, proxy)
        return proxy
    proxy = Proxy(source, what, service)
    fill = service.expand if service is not None else (lambda text: text)
    {"caddy": _caddy, "haproxy": _haproxy, "httpd": _apache, "traefik": _traefik, "envoy": _envoy}[what](proxy, fill)
    return proxy


def _add(proxy: Proxy, text: str, place: Place, default: int | None = None, path: str = "") -> None:
    from dean_airflow.deployment.description.proxy import Upstream

    match = _HOST_PORT.match(text)
    if match is None:
        return
    port = int(match[3]) if match[3] else {"http": 80, "https": 443}.get(match[1] or "", default)
    proxy.upstreams.append(Upstream(match[2], port, match[1] or "", place, proxy.service, path))


def _caddy(proxy: Proxy, fill: Callable[[str], str]) -> None:
    from dean_airflow.deployment.description.proxy import Certificate, ProxySite

    root = parse_blocks(proxy.source, lines_end=True)
    for number, block in enumerate(root.children):
        site = ProxySite(block.place)
        for address in re.split(r"[,\s]+", f"{block.name} {block.argument}"):
            host = re.sub(r"^https?://", "", address).split(":")[0]
            if host and "." in host:
                site.hosts.append((host, block.place))
        proxy.sites.append(site)
        for child in [block, *block.walk()]:
            words = _env(fill(child.argument), proxy).split()
            if child.name == "reverse_proxy":
                for word in words:
                    if not word.startswith(("/", "@", "*")):
                        _add(proxy, word, child.place, 80, child.parent.argument if child.parent else "")
                for inner in child.children:
                    if inner.name == "to":
                        for word in inner.argument.split():
                            _add(proxy, word, inner.place, 80)
            elif child.name == "tls" and len(words) == 2 and words[0].startswith("/"):
                proxy.certificates.append(Certificate(words[0], child.place, "certificate", list(site.hosts), number))
                proxy.certificates.append(Certificate(words[1], child.place, "key", list(site.hosts), number))
            elif child.name == "protocols" and words:
                proxy.protocols.append((" ".join(words), child.place))


def _env(text: str, proxy: Proxy) -> str:
    """Caddy's `{$X:default}`."""
    environment = proxy.service.environment if proxy.service is not None else {}

    def value(match: re.Match[str]) -> str:
        known = environment.get(match[1])
        return known.value if known is not None else (match[2] or "")

    return re.sub(r"\{\$(\w+)(?::([^}]*))?\}", value, text)


def _haproxy(proxy: Proxy, fill: Callable[[str], str]) -> None:
    from dean_airflow.deployment.description.proxy import Certificate, ProxySite

    site: ProxySite | None = None
    for number, line in enumerate(proxy.source.lines, 1):
        words = fill(line.split("#")[0]).split()
        if not words:
            continue
        place = proxy.source.at(number)
        if words[0] in ("frontend", "listen"):
            site = ProxySite(place)
            proxy.sites.append(site)
        elif words[0] in ("backend", "defaults", "global"):
            site = None
        elif words[0] == "server" and len(words) > 2:
            address = words[2] if "://" in words[2] or "ssl" not in words[3:] else f"https://{words[2]}"
            _add(proxy, address, place)
        elif words[0] == "bind" and site is not None:
            if "ssl" in words:
                site.tls = True
                if "crt" in words[:-1]:
                    path = words[words.index("crt") + 1]
                    proxy.certificates.append(Certificate(path, place, "both", [], number))
            else:
                site.plain = place
        elif words[words[0] == "http-request" :][:3] == ["redirect", "scheme", "https"] and site is not None:
            site.redirects = True
        versions = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "ssl-min-ver"]
        proxy.protocols += [(version, place) for version in versions]


def _apache(proxy: Proxy, fill: Callable[[str], str]) -> None:
    from dean_airflow.deployment.description.proxy import Certificate, ProxySite, WebSocketPlace

    site: ProxySite | None = None
    upgrades = (
        re.search(r"(?i)upgrade=websocket|RewriteRule.*\bws://|proxy_wstunnel.*\n(?s:.*)ws://", proxy.source.text)
        is not None
    )
    sites = 0
    for number, line in enumerate(proxy.source.lines, 1):
        words = [] if line.lstrip().startswith("#") else [word.strip("\"'") for word in fill(line).split()]
        if not words:
            continue
        place, word = proxy.source.at(number), words[0].lower()
        if word == "<virtualhost":
            sites += 1
            site = ProxySite(place)
            site.plain = None if ":443" in line else place
            proxy.sites.append(site)
        elif word == "sslengine" and site is not None and words[-1].lower() == "on":
            site.tls, site.plain = True, None
        elif word in ("servername", "serveralias") and site is not None:
            site.hosts += [(host.split(":")[0], place) for host in words[1:]]
        elif word in ("sslcertificatefile", "sslcertificatekeyfile", "sslcertificatechainfile"):
            role = {"sslcertificatefile": "certificate", "sslcertificatekeyfile": "key"}.get(word, "ca")
            hosts = list(site.hosts) if site is not None else []
            proxy.certificates.append(Certificate(words[1].strip('"'), place, role, hosts, sites))
        elif word == "sslprotocol":
            proxy.protocols.append((" ".join(words[1:]), place))
        elif word in ("proxypass", "balancermember") and len(words) > 1:
            target = (
                words[2] if word == "proxypass" and len(words) > 2 and not words[1].startswith("http") else words[1]
            )
            if target.startswith(("http://", "https://", "ws://", "wss://")):
                _add(proxy, target, place, path=words[1])
            path = words[1]
            if word == "proxypass" and path.startswith("/"):
                ok = upgrades or target.startswith("ws")
                proxy.web_sockets.append(WebSocketPlace(place, path, ok))
        elif word in ("redirect", "rewriterule", "redirectmatch") and "https://" in line and site is not None:
            site.redirects = True


def _traefik(proxy: Proxy, fill: Callable[[str], str]) -> None:
    from dean_airflow.deployment.description.proxy import Certificate

    root = parse_yaml(proxy.source).root if proxy.source.path.suffix != ".toml" else None
    if root is None:
        return
    services = root.get("http", "services")
    for _, service in services.items() if services is not None else ():
        servers = service.get("loadBalancer", "servers")
        for server in servers.entries() if servers is not None else ():
            url = server.get("url")
            if url is not None:
                _add(proxy, fill(url.text), url.place)
    hosts = _rule_hosts(root)
    certificates = root.get("tls", "certificates")
    for number, entry in enumerate(certificates.entries() if certificates is not None else ()):
        for name, role in (("certFile", "certificate"), ("keyFile", "key")):
            node = entry.get(name)
            if node is not None:
                proxy.certificates.append(Certificate(node.text, node.place, role, list(hosts), number))
    for node in root.walk():
        version = node.get("minVersion")
        if version is not None:
            proxy.protocols.append((version.text, version.place))


def _rule_hosts(root: Node) -> list[tuple[str, Place]]:
    found = []
    routers = root.get("http", "routers")
    for _, router in routers.items() if routers is not None else ():
        rule = router.get("rule")
        if rule is not None and router.get("tls") is not None:
            found += [(host, rule.place) for host in re.findall(r"Host\(`([^`]+)`", rule.text)]
    return found


def _traefik_labels(deployment: Deployment, proxy: Proxy) -> None:
    from dean_airflow.deployment.description.proxy import Upstream

    for service in deployment.services.values():
        labels = service.get("labels")
        for name, node in as_mapping(labels).items() if labels is not None else ():
            if (
                re.fullmatch(r"traefik\.http\.services\.[\w-]+\.loadbalancer\.server\.port", name)
                and node.text.isdigit()
            ):
                proxy.upstreams.append(Upstream(service.name, int(node.text), "", node.place, proxy.service))


def _envoy(proxy: Proxy, fill: Callable[[str], str]) -> None:
    root = parse_yaml(proxy.source).root
    for node in root.walk() if root is not None else ():
        address, port = node.get("socket_address", "address"), node.get("socket_address", "port_value")
        if address is not None and port is not None and address.text not in (ALL_V4, LOOPBACK):
            _add(proxy, f"{address.text}:{port.text}", address.place)
