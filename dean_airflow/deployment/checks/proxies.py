"""M67 to M70: what proxies pass on, and how."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import LOCAL
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import container_ports, kind, listening
from dean_airflow.deployment.description.images import protocol_of
from dean_airflow.deployment.description.proxy import proxies, upstreams
from dean_airflow.deployment.description.roles import dean_services
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.talk import Call, calls
from dean_airflow.deployment.place import Place

_WEB_SOCKET = frozenset({"ws", "wss", "websocket", "websockets", "socket", "socket.io", "sockjs"})
_SECURE = {"https": "https", "wss": "https", "http": "http", "ws": "http"}
_TLS_VARIABLE = re.compile(r"(?:SSL|TLS).*(?:CERT|KEYFILE|KEY_FILE)|CERT(?:IFICATE)?_FILE|SSL_CERTFILE|HTTPS_CERT")
_TLS_OPTION = re.compile(r"--(?:ssl-|tls-|https-)?cert(?:file|ificate)?|--ssl-certfile|--certfile|--tls-cert")


@check(
    "M67", "error", "https to an http port, or the reverse",
    why="The connection fails in the first bytes.",
    fix="Use the scheme that the port speaks.",
)  # fmt: skip
def scheme_and_port(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    spoken = _spoken(deployment)
    found = [(c.host, c.port, c.scheme, c.place, c.by, c.reader, c.is_health) for c in calls(deployment)]
    found += [
        (u.host, u.port, scheme, place, "the proxy", u.proxy, False)
        for u in upstreams(deployment)
        for scheme, place in u.asked or ((u.scheme, u.place),)
    ]
    for host, port, scheme, place, by, reader, is_health in found:
        says = _SECURE.get(scheme)
        service = reader if is_health and host in LOCAL else deployment.service_called(host)
        if says is None or service is None or port is None or place in seen:
            continue
        speaks = spoken.get((service.name, port)) or _dean_speaks(deployment, service, port)
        if speaks and speaks != says and not (is_health and (service.name, port) not in _by_proxy(deployment, spoken)):
            seen.add(place)
            yield Hit(place, f"{by} says {scheme}:// to port {port} of {service.name}, which speaks {speaks}.")
    yield from _disagreeing(deployment, spoken, seen)


def _by_proxy(deployment: Deployment, spoken: dict[tuple[str, int], str]) -> set[tuple[str, int]]:
    """Ports whose protocol is known from something better than a health check."""
    health = {(c.reader.name, c.port) for c in calls(deployment) if c.is_health and c.reader is not None}
    return {key for key in spoken if key not in health}


def _spoken(deployment: Deployment) -> dict[tuple[str, int], str]:
    """What ports speak: from listen directives, the image table, and health checks."""
    known: dict[tuple[str, int], str] = {}
    for call in calls(deployment):
        if not call.is_health or call.reader is None or not call.port or call.scheme not in ("http", "https"):
            continue
        if call.host in LOCAL | {call.reader.name}:
            known[(call.reader.name, call.port)] = call.scheme
    for service in deployment.services.values():
        for port in container_ports(deployment, service):
            speaks = protocol_of(kind(deployment, service), port)
            if speaks and not _has_certificate(service):
                known[(service.name, port)] = speaks
    for proxy in proxies(deployment):
        if proxy.service is not None and proxy.kind == "nginx":
            for site in proxy.sites:
                for port in site.ports:
                    known[(proxy.service.name, port)] = "https" if port in site.tls_ports else "http"
    return known


def _dean_speaks(deployment: Deployment, service: Service, port: int) -> str:
    """DEAN's services speak plain HTTP unless given a certificate."""
    if service not in dean_services(deployment) or _has_certificate(service):
        return ""
    heard = listening(deployment, service) | container_ports(deployment, service)
    return "http" if not heard or port in heard else ""


def _has_certificate(service: Service) -> bool:
    if any(_TLS_VARIABLE.search(name) for name in service.environment):
        return True
    return _TLS_OPTION.search(service.command_text) is not None


def _disagreeing(deployment: Deployment, spoken: dict[tuple[str, int], str], seen: set[Place]) -> Iterator[Hit]:
    """Two URLs for one port, of which one says http and the other https."""
    said: dict[tuple[str, int], dict[str, list[Call]]] = {}
    for call in calls(deployment):
        service = deployment.service_called(call.host)
        says = _SECURE.get(call.scheme)
        if (
            service is not None
            and says
            and call.port
            and not call.is_health
            and (service.name, call.port) not in spoken
        ):
            said.setdefault((service.name, call.port), {}).setdefault(says, []).append(call)
    for (name, port), by_scheme in said.items():
        if len(by_scheme) < 2 or _has_certificate(deployment.services[name]):
            continue
        wrong = (
            min(by_scheme.values(), key=len)
            if len(by_scheme["http"]) != len(by_scheme["https"])
            else by_scheme["https"]
        )
        others = next(calls for calls in by_scheme.values() if calls is not wrong)
        if wrong[0].place not in seen:
            what = f"{wrong[0].by} says {wrong[0].scheme}:// to port {port} of {name}, {others[0].by} the other."
            yield Hit(wrong[0].place, what, also=(others[0].place,))


@check(
    "M68", "error", "Proxy upstream wrong",
    why="The proxy does not start, or answers 502.",
    fix="Name a service and the port it listens on.",
)  # fmt: skip
def upstream_wrong(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    known = {name for service in deployment.services.values() for name in service.names}
    for upstream in upstreams(deployment):
        if upstream.place in seen or upstream.proxy is None or "$" in upstream.host:
            continue
        host = upstream.host
        service = deployment.service_called(host)
        if service is None:
            local = host in LOCAL
            mode = upstream.proxy.get("network_mode")
            if (
                ("." in host and not local)
                or host in known
                or (local and mode is not None)
                or _is_own(deployment, upstream.proxy, upstream.port, local)
            ):
                continue
            if host.startswith("[") or host in _hosts_beside(upstream.proxy):
                continue
            seen.add(upstream.place)
            yield Hit(upstream.place, f"The upstream {host} of {upstream.proxy.name} is no service.")
            continue
        ports = container_ports(deployment, service)
        if upstream.port is not None and ports and upstream.port not in ports:
            seen.add(upstream.place)
            listed = ", ".join(str(port) for port in sorted(ports))
            what = f"The upstream port {upstream.port} of {service.name} is wrong; it listens on {listed}."
            yield Hit(upstream.place, what, also=(service.place,))


def _is_own(deployment: Deployment, proxy: Service, port: int | None, local: bool) -> bool:
    """A proxy that passes on to another of its own listeners."""
    own = {
        number for each in proxies(deployment) if each.service is proxy for site in each.sites for number in site.ports
    }
    return local and port in own


def _hosts_beside(proxy: Service) -> set[str]:
    node = proxy.get("extra_hosts")
    return {word.split(":")[0].split("=")[0] for word in node.words()} if node is not None else set()


@check(
    "M69", "warning", "WebSocket upgrade not passed on",
    why="The live connection fails; pages fall back to nothing.",
    fix="Set proxy_http_version 1.1 and the headers Upgrade and Connection.",
)  # fmt: skip
def web_socket_upgrade(deployment: Deployment) -> Iterator[Hit]:
    declared = {
        name
        for name, node in (deployment.file.get("services") or deployment.file.root).items()
        if (flag := node.get("websocket")) is not None and flag.text.lower() == "true"
    }
    for proxy in proxies(deployment):
        if proxy.kind not in ("nginx", "httpd"):
            continue
        for location in proxy.web_sockets:
            segments = set(re.split(r"[/^$~*()|\\]+", location.path.lower())) - {""}
            targets = {
                up.host for up in proxy.upstreams if up.path and location.path and up.path.endswith(location.path)
            }
            if (segments & _WEB_SOCKET or targets & declared) and not location.upgrades:
                yield Hit(
                    location.place,
                    f"{location.path} of {proxy.source.name} is for WebSockets and passes no upgrade on.",
                )


@check(
    "M70", "warning", "Plain HTTP without redirect",
    why="Passwords and sessions travel in clear, though TLS is there.",
    fix="Redirect to https.",
)  # fmt: skip
def no_redirect(deployment: Deployment) -> Iterator[Hit]:
    for proxy in proxies(deployment):
        name = proxy.service.name if proxy.service else proxy.source.name
        same = [
            other
            for other in proxies(deployment)
            if (other.service.name if other.service else other.source.name) == name
        ]
        if not any(site.tls for other in same for site in other.sites):
            continue
        for site in proxy.sites:
            if site.plain is not None and not site.redirects and not _is_internal(site.ports, site.hosts):
                what = f"{proxy.source.name} serves plain HTTP beside TLS, and does not redirect."
                yield Hit(site.plain, what, also=(site.place,))


def _is_internal(ports: set[int], hosts: list[tuple[str, Place]]) -> bool:
    """A status page on a port of its own, for localhost."""
    return bool(hosts) and all(host in LOCAL for host, _ in hosts)
