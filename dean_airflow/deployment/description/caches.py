"""Redis servers and the passwords they require."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import of_kind, remembered
from dean_airflow.deployment.description.service import Service

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_REQUIREPASS = re.compile(r"--requirepass[= ]+[\"']?([^\s\"']*)|(?:^|\n)\s*requirepass\s+[\"']?([^\s\"']+)")


@dataclass(frozen=True)
class Cache:
    """`password` where it can be read; `has_password` where one is required, though it may not be known."""

    service: Service
    password: str
    has_password: bool


def caches(deployment: Deployment) -> list[Cache]:
    return remembered(deployment, "caches", lambda: [_cache(deployment, each) for each in of_kind(deployment, "redis")])


def _cache(deployment: Deployment, service: Service) -> Cache:
    texts = [service.command_text]
    for mount in service.mounts:
        source = deployment.tree.source(mount.path) if mount.path is not None else None
        if source is not None and source.path.suffix in (".conf", ".sh"):
            texts.append(re.sub(r"(?m)^\s*#.*$", "", source.text))
    args = service.environment.get("REDIS_ARGS")
    if args is not None:
        texts.append(args.value)
    for text in texts:
        match = _REQUIREPASS.search(text)
        if match:
            value = service.expand(match[1] or match[2] or "")
            if "cat /run/secrets" in text or "$(" in value or "$" in value:
                return Cache(service, "", True)
            if value:
                return Cache(service, value, True)
    own = service.environment.get("REDIS_PASSWORD")
    if own is not None and own.value and service.image.startswith(("bitnami/", "bitnamilegacy/")):
        return Cache(service, own.value, True)
    return Cache(service, "", False)


def passes_password(text: str, service: Service) -> bool:
    """Whether a redis-cli command gives a password, by an option, a URL or the environment."""
    if re.search(r"(?:^|\s)(?:-a|--pass|--askpass)(?:[\s=]|$)|REDISCLI_AUTH|-u\s+rediss?://\S*:\S*@|--user\b", text):
        return True
    return "REDISCLI_AUTH" in service.environment or bool(re.search(r"\bAUTH\b", text))
