"""Which programs the widely used images contain, for health checks and entry points that call them."""

from __future__ import annotations

import re

from dean_airflow.deployment.description.images import kind_of, parse_image

# Tools of base images. What an image is not known to have or to lack is not judged.
_BUSYBOX = frozenset(
    {"wget", "nc", "sh", "ash", "grep", "sed", "awk", "ps", "pgrep", "pidof", "test", "cat", "echo", "ls"}
)
_COREUTILS = frozenset({"sh", "bash", "grep", "sed", "test", "cat", "echo", "ls", "timeout"})
_JUDGED = frozenset(
    {
        "curl",
        "wget",
        "nc",
        "bash",
        "python",
        "python3",
        "node",
        "pg_isready",
        "psql",
        "redis-cli",
        "mysqladmin",
        "mysql",
    }
    | {"mariadb-admin", "mongosh", "mongo", "jq", "pgrep", "ps", "nginx", "ncat", "netcat", "healthcheck.sh", "http"}
    | {
        "rabbitmq-diagnostics",
        "rabbitmqctl",
        "airflow",
        "celery",
        "valkey-cli",
        "java",
        "ruby",
        "php",
        "perl",
        "ss",
        "dig",
    }
)
_HAS: dict[str, frozenset[str]] = {
    "postgres": frozenset({"pg_isready", "psql", "perl"}),
    "mysql": frozenset({"mysqladmin", "mysql", "mariadb-admin", "healthcheck.sh", "curl", "perl"}),
    "redis": frozenset({"redis-cli", "valkey-cli"}),
    "mongo": frozenset({"mongosh", "mongo", "perl", "curl", "jq"}),
    "rabbitmq": frozenset({"rabbitmq-diagnostics", "rabbitmqctl", "wget", "perl"}),
    "nginx": frozenset({"nginx", "curl"}),
    "httpd": frozenset({"perl"}),
    "traefik": _BUSYBOX,
    "caddy": _BUSYBOX,
    "haproxy": frozenset({"perl"}),
    "prometheus": _BUSYBOX,
    "alertmanager": _BUSYBOX,
    "node-exporter": _BUSYBOX,
    "grafana": _BUSYBOX | {"curl", "bash"},
    "memcached": frozenset({"perl"}),
    "alpine": _BUSYBOX,
    "busybox": _BUSYBOX,
    "debian": frozenset({"perl"}),
    "ubuntu": frozenset({"perl"}),
    "python": frozenset({"python", "python3", "perl"}),
    "node": frozenset({"node", "perl"}),
    "airflow": frozenset(
        {"airflow", "python", "python3", "celery", "curl", "psql", "perl", "nc", "mysql", "pg_isready"}
    ),
}
_FULL = frozenset({"curl", "wget", "perl", "python", "python3", "bash", "ps", "pgrep"})
_NO_BASH = frozenset({"alpine", "busybox", "traefik", "caddy", "prometheus", "alertmanager", "node-exporter"})
_NO_SHELL = frozenset({"distroless", "scratch"})


def has_tool(image: str, tool: str) -> bool | None:
    """Whether an image contains a command; None where that is not known."""
    if tool not in _JUDGED and tool not in _BUSYBOX:
        return None
    parsed = parse_image(image)
    if parsed.registry == "gcr.io" and "distroless" in parsed.repository:
        return tool in ("python", "python3") and "python" in parsed.name
    kind = kind_of(image)
    if parsed.repository.startswith("bitnami/") or kind not in _HAS or tool not in _JUDGED:
        return None
    alpine = "alpine" in parsed.tag or kind == "alpine"
    has = set(_HAS[kind])
    if alpine:
        has |= _BUSYBOX
        has.discard("perl")
        if kind == "mysql":
            return None
        if kind in ("postgres", "nginx") and tool == "bash":
            return kind == "postgres"
        return tool in has or (tool in ("perl", "ss") and None)
    if kind in ("python", "node") and not re.search(r"slim|alpine", parsed.tag):
        return tool in has | _FULL or (tool in ("nc", "netcat", "ncat", "jq", "dig", "ss") and False)
    if kind == "airflow":
        return True if tool in has or tool == "bash" else None
    if tool in ("perl", "ps", "pgrep", "ss", "dig") and kind not in _NO_BASH:
        return None if tool not in has else True
    if tool == "bash":
        return "bash" in has or kind not in _NO_BASH
    if kind in ("mysql", "mongo", "rabbitmq", "haproxy", "httpd") and tool in ("python", "python3", "curl", "wget"):
        return None if kind in ("mysql", "mongo", "rabbitmq") else tool in has
    return tool in has
