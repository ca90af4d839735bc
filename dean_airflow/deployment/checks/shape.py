"""M44, M45, M58: compose files that compose itself refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from dean_airflow.deployment.canary.policy import read_canary
from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description import compose_schema as schema
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.naming import FALSE, TRUE
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.hooks.section import read_hooks
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.secrets.section import read_secrets

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+|0")
_RESTART = re.compile(r"no|false|always|unless-stopped|on-failure(?::\d+)?")
_NAME = re.compile(r"[a-zA-Z0-9._-]+")


@check(
    "M44", "error", "Malformed compose file",
    why="Compose refuses the file, so nothing is deployed.",
    fix="Correct it; `docker compose config` shows what compose reads.",
)  # fmt: skip
def malformed_compose(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for hit in _every(deployment):
        if hit.place not in seen:
            seen.add(hit.place)
            yield hit


def _every(deployment: Deployment) -> Iterator[Hit]:
    for problem in deployment.all_problems:
        if problem.check == "M44":
            yield Hit(problem.place, problem.what)
    canary = deployment.file.get("canary")
    for problem in read_canary(canary)[1] if canary is not None else ():
        yield Hit(problem.place, problem.what)
    hooks = deployment.file.get("hooks")
    for problem in read_hooks(hooks)[1] if hooks is not None else ():
        yield Hit(problem.place, problem.what)
    for problem in read_secrets(deployment):
        yield Hit(problem.place, problem.what)
    for layer in deployment.compose.every:
        yield from _file(layer.root)
    compose = deployment.compose
    if not compose.broken and compose.layers and not deployment.services and compose.root.get("services") is None:
        yield Hit(compose.layers[0].root.place, f"{compose.layers[0].name} defines no services.")
    yield from _undefined(deployment)
    for service in deployment.services.values():
        nothing = service.get("image") is None and not service.is_built and service.get("provider") is None
        explained = _is_override_alone(deployment) or compose.broken or _extends_unknown(service)
        if nothing and not explained:
            yield Hit(service.place, f"{service.name} has neither an image nor a build.")


def _is_override_alone(deployment: Deployment) -> bool:
    from dean_airflow.deployment.checks.services import override_alone

    return override_alone(deployment)


def _extends_unknown(service: Service) -> bool:
    return service.get("extends") is not None


def _file(root: Node) -> Iterator[Hit]:
    yield from _keys(root, schema.TOP, "the file")
    services = root.get("services")
    for name, node in services.items() if services is not None and services.is_map else ():
        if not _NAME.fullmatch(name):
            yield Hit(node.named, f"{name!r} is no name for a service.")
        if node.tag in ("!reset",):
            continue
        if not node.is_map:
            yield Hit(node.named, f"The service {name} is no mapping.")
            continue
        yield from _service(name, node)
    for section, keys in schema.SECTION_ENTRIES.items():
        entries = root.get(section)
        for name, node in entries.items() if entries is not None and entries.is_map else ():
            if node.is_map:
                yield from _keys(node, keys, f"{section}.{name}")
            elif node.value is not None and node.tag != "!reset":
                yield Hit(node.place, f"{section}.{name} must be a mapping.")


def _keys(node: Node, keys: Mapping[str, str], where: str) -> Iterator[Hit]:
    for name, child in node.items():
        if name.startswith("x-") or child.tag == "!reset":
            continue
        allowed = keys.get(name)
        if allowed is None:
            close = get_close_matches(name, keys, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            yield Hit(child.named, f"{where} has an unknown key `{name}`{hint}.")
            continue
        found = "m" if child.is_map else "l" if child.is_list else "s"
        if child.value is not None and found not in allowed:
            kinds = " or ".join(schema.KINDS[letter] for letter in allowed)
            yield Hit(child.named, f"`{name}` of {where} must be {kinds}.")


def _service(name: str, node: Node) -> Iterator[Hit]:
    yield from _keys(node, schema.SERVICE, name)
    for part, keys in schema.PARTS.items():
        child = node.get(part)
        if child is not None and child.is_map:
            yield from _keys(child, keys, f"{part} of {name}")
    resources = node.get("deploy", "resources")
    if resources is not None:
        yield from _keys(resources, schema.RESOURCES, f"resources of {name}")
        for part in ("limits", "reservations"):
            child = resources.get(part)
            if child is not None:
                yield from _keys(child, schema.LIMITS, f"{part} of {name}")
    for path in schema.WHOLE_NUMBERS:
        child = node.get(*path)
        if child is not None and child.text and "$" not in child.text and not child.text.isdigit():
            yield Hit(child.place, f"`{path[-1]}` of {name} is no whole number.")
    for part in schema.BOOLEANS:
        child = node.get(part)
        if child is not None and child.text and "$" not in child.text and child.text.lower() not in TRUE | FALSE:
            yield Hit(child.place, f"`{part}` of {name} is neither true nor false.")
    yield from _health(name, node)
    restart = node.get("restart")
    if restart is not None and restart.text and not _RESTART.fullmatch(restart.text):
        yield Hit(
            restart.place, f"`restart` of {name} is {restart.text!r}; it is no, always, on-failure or unless-stopped."
        )
    for part in ("environment", "labels"):
        child = node.get(part)
        for entry in child.value if child is not None and child.is_list else ():
            if entry.is_map or entry.is_list:
                yield Hit(entry.place, f"An entry of `{part}` of {name} must be a text NAME=value.")
        for key, entry in child.items() if child is not None else ():
            if entry.is_map or entry.is_list:
                yield Hit(entry.named, f"`{key}` in `{part}` of {name} must be a single value.")
    for part in ("ports", "volumes", "expose"):
        child = node.get(part)
        for entry in child.value if child is not None and child.is_list else ():
            if entry.is_list or (entry.is_map and part == "expose"):
                yield Hit(entry.place, f"An entry of `{part}` of {name} has the wrong shape.")
            elif entry.is_map and entry.get("target") is None:
                yield Hit(entry.place, f"An entry of `{part}` of {name} has no target.")
    depends = node.get("depends_on")
    for other, entry in depends.items() if depends is not None else ():
        condition = entry.get("condition")
        if condition is not None and condition.text not in schema.CONDITIONS:
            yield Hit(condition.place, f"`condition` of {name} on {other} is none that compose knows.")
        elif entry.value is not None and not entry.is_map:
            yield Hit(entry.named, f"`depends_on` of {name} on {other} must be a mapping.")


def _health(name: str, node: Node) -> Iterator[Hit]:
    health = node.get("healthcheck")
    if health is None or not health.is_map:
        return
    for part, child in health.items():
        if part in schema.DURATIONS and child.text and "$" not in child.text and not _DURATION.fullmatch(child.text):
            yield Hit(child.place, f"`{part}` of {name}'s health check is no duration such as 30s.")
    retries = health.get("retries")
    if retries is not None and retries.text and not retries.text.isdigit():
        yield Hit(retries.place, f"`retries` of {name}'s health check is no number.")
    test = health.get("test")
    if test is not None and test.is_list and test.words()[:1] not in (["CMD"], ["CMD-SHELL"], ["NONE"], []):
        yield Hit(test.place, f"The health check of {name} must begin with CMD, CMD-SHELL or NONE.")


def _undefined(deployment: Deployment) -> Iterator[Hit]:
    """Networks, volumes, secrets and configs that a service names and nobody defines."""
    compose = deployment.compose
    if compose.broken:
        return
    defined = {section: set(compose.section(section)) for section in schema.SECTION_ENTRIES}
    for service in deployment.services.values():
        node = service.get("networks")
        for name, entry in as_mapping(node).items() if node is not None else ():
            if name not in defined["networks"] | {"default"}:
                yield Hit(entry.named, f"{service.name} is on the network {name}, which is not defined.")
        for mount in service.mounts:
            if mount.kind == "volume" and mount.source and mount.source not in defined["volumes"]:
                yield Hit(mount.place, f"{service.name} uses the volume {mount.source}, which is not defined.")
        for part in ("secrets", "configs"):
            child = service.get(part)
            for entry in child.entries() if child is not None else ():
                source = entry.get("source") if entry.is_map else entry
                if source is not None and source.text and source.text not in defined[part]:
                    kind = part.removesuffix("s")
                    yield Hit(source.place, f"{service.name} uses the {kind} {source.text}, which is not defined.")


@check(
    "M45", "error", "Dependency on an undefined service",
    why="Compose refuses the project.",
    fix="Define the service or remove the dependency.",
)  # fmt: skip
def undefined_dependency(deployment: Deployment) -> Iterator[Hit]:
    if deployment.compose.broken:
        return
    for service in deployment.services.values():
        for name, node in service.depends_on.items():
            required = node.get("required")
            if name not in deployment.services and not (required is not None and required.text == "false"):
                yield Hit(node.named, f"{service.name} depends on {name}, which is no service.")
        mode = service.get("network_mode")
        if mode is not None and mode.text.startswith("service:"):
            name = mode.text.removeprefix("service:")
            if name not in deployment.services:
                yield Hit(mode.place, f"{service.name} shares the network of {name}, which is no service.")
        for part in ("links", "volumes_from"):
            links = service.get(part)
            for entry in links.entries() if links is not None else ():
                name = entry.text.split(":")[0]
                if name not in deployment.services and name != "container":
                    yield Hit(entry.place, f"{service.name} names {name} in `{part}`, which is no service.")


@check(
    "M58", "error", "Circular dependency",
    why="Compose refuses the project: none of them can start first.",
    fix="Break the cycle.",
)  # fmt: skip
def circular_dependency(deployment: Deployment) -> Iterator[Hit]:
    reported: set[str] = set()
    for start in deployment.services:
        cycle = _cycle_from(deployment, start)
        if cycle and not reported & set(cycle):
            reported |= set(cycle)
            pairs = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
            places = [deployment.services[one].depends_on[other].named for one, other in pairs]
            yield Hit(places[-1], f"{' → '.join([*cycle, cycle[0]])} depend on each other.", also=tuple(places[:-1]))


def _cycle_from(deployment: Deployment, start: str) -> list[str]:
    """A cycle through a service by way of `depends_on`, empty where there is none."""
    stack: list[list[str]] = [[start]]
    visited: set[str] = set()
    while stack:
        path = stack.pop()
        for name in deployment.services[path[-1]].depends_on:
            if name == start:
                return path
            if name in deployment.services and name not in visited:
                visited.add(name)
                stack.append([*path, name])
    return []
