"""M46, M47, M52 to M56: how services are run."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.compose import STANDARD_NAMES
from dean_airflow.deployment.description.compose_use import compose_commands
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import base_image, dockerfile_of
from dean_airflow.deployment.description.images import has_own_health_check
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ROTATING = frozenset(
    {"local", "journald", "syslog", "fluentd", "gelf", "awslogs", "gcplogs", "splunk", "none", "loki"}
)
_ROOT = re.compile(r"(?:root|0)(?::.*)?")


def has_health_check(deployment: Deployment, service: Service) -> bool:
    """Its own, one of its Dockerfile, or one known to be in the image."""
    if service.health_test is not None:
        return True
    if service.health_disabled and service.get("healthcheck", "test") is not None:
        return False
    off = service.get("healthcheck", "disable")
    if off is not None and off.text == "true":
        return False
    dockerfile = dockerfile_of(deployment, service)
    if dockerfile is None and service.is_built:
        return True  # it cannot be told; that the Dockerfile is missing is M48's
    if dockerfile is not None and dockerfile.all_of("HEALTHCHECK"):
        return dockerfile.health_check is not None
    return has_own_health_check(base_image(deployment, service))


@check(
    "M46", "error", "Waits for the health of a service without health check",
    why="Compose refuses to start the dependent service.",
    fix="Add a health check.",
)  # fmt: skip
def health_condition(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        for name, node in service.depends_on.items():
            condition, other = node.get("condition"), deployment.services.get(name)
            if condition is None or condition.text != "service_healthy" or other is None:
                continue
            if not has_health_check(deployment, other):
                what = f"{service.name} waits until {name} is healthy, but {name} has no health check."
                yield Hit(condition.place, what, also=(other.place, node.named))


@check(
    "M47", "warning", "Not ready for operation",
    why="A hung service is not noticed, a stopped one stays down, a greedy one takes the machine, logs fill the disk.",
    fix="Add what is missing.",
)  # fmt: skip
def operation_keys(deployment: Deployment) -> Iterator[Hit]:
    jobs = _jobs(deployment)
    for service in deployment.services.values():
        missing = list(_missing(deployment, service, service.name in jobs))
        if missing:
            yield Hit(service.place, f"{service.name} has no {', no '.join(missing)}.")


def _jobs(deployment: Deployment) -> set[str]:
    """Services that run once: others wait until they have completed."""
    return {
        name
        for service in deployment.services.values()
        for name, node in service.depends_on.items()
        if (condition := node.get("condition")) is not None and condition.text == "service_completed_successfully"
    }


def _missing(deployment: Deployment, service: Service, is_job: bool) -> Iterator[str]:
    off = service.get("healthcheck", "disable")
    is_off = (off is not None and off.text == "true") or service.health_disabled
    if not is_off and not is_job:
        if not has_health_check(deployment, service):
            yield "health check"
        dockerfile = dockerfile_of(deployment, service)
        built = dockerfile.health_check if dockerfile is not None else None
        starts = service.get("healthcheck", "start_period") is not None
        if (
            not starts
            and not (service.is_built and dockerfile is None)
            and not (built is not None and "--start-period" in built.rest)
            and not has_own_health_check(service.image)
        ):
            yield "start period"
    if service.get("restart") is None and service.get("deploy", "restart_policy") is None:
        yield "restart policy"
    limits = service.get("deploy", "resources", "limits")
    if not (limits is not None and limits.value) and not any(
        service.get(key) for key in ("mem_limit", "cpus", "cpu_quota")
    ):
        yield "limits"
    logging = service.get("logging")
    driver = logging.get("driver") if logging is not None else None
    rotates = logging is not None and (
        logging.get("options", "max-size") is not None or (driver is not None and driver.text in _ROTATING)
    )
    if not rotates:
        yield "log rotation"


@check(
    "M52", "warning", "More privilege than needed",
    why="Whoever breaks into the container has the machine.",
    fix="Drop the privilege: a user of its own, single capabilities, a socket proxy.",
)  # fmt: skip
def privileged(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        node = service.get("privileged")
        if node is not None and node.text == "true":
            yield Hit(node.place, f"{service.name} is privileged.")
        for mount in service.mounts:
            if mount.source.endswith("docker.sock"):
                yield Hit(mount.place, f"{service.name} has the Docker socket.")
        user = service.get("user")
        if user is not None and _ROOT.fullmatch(user.text):
            yield Hit(user.place, f"{service.name} runs as root.")
        elif user is None and (dockerfile := dockerfile_of(deployment, service)) is not None:
            users = dockerfile.all_of("USER")
            if users and _ROOT.fullmatch(users[-1].rest.strip()):
                yield Hit(users[-1].place, f"The image of {service.name} runs as root.")


@check(
    "M53", "warning", "Obsolete version key",
    why="Compose ignores it and says so at every call.",
    fix="Remove it.",
)  # fmt: skip
def obsolete_version(deployment: Deployment) -> Iterator[Hit]:
    for layer in deployment.compose.every:
        node = layer.root.get("version")
        if node is not None:
            yield Hit(node.named, f"{layer.name} has the obsolete key `version`.")


def override_alone(deployment: Deployment) -> bool:
    """Whether the project is one file that is meant to lie over another."""
    if len(deployment.compose.layers) != 1:
        return False
    layer = deployment.compose.layers[0]
    return layer.path.name not in STANDARD_NAMES or deployment.variables.get("COMPOSE_FILE") is not None


@check(
    "M54", "error", "Override file used alone",
    why="Compose refuses a service that has neither image nor build.",
    fix="Name the base file, too.",
)  # fmt: skip
def override_used_alone(deployment: Deployment) -> Iterator[Hit]:
    if override_alone(deployment):
        for service in deployment.services.values():
            if service.get("image") is None and not service.is_built:
                named = deployment.variables.get("COMPOSE_FILE")
                place = named.place if named is not None else service.place
                name = deployment.compose.layers[0].name
                what = f"{name} is used alone, where {service.name} has neither image nor build."
                yield Hit(place, what, also=(service.place,))
                break
    for command in compose_commands(deployment):
        if not command.files:
            continue
        lacking, at = _lacking(deployment, list(command.files))
        if lacking and at is not None:
            what = f"{command.source.name} uses an override file alone, where {lacking} has neither image nor build."
            yield Hit(command.place, what, also=(at,))


def _lacking(deployment: Deployment, files: list[Path]) -> tuple[str, Place | None]:
    """The first service of a set of compose files that no file of it gives an image or a build."""
    complete: set[str] = set()
    every: dict[str, Place] = {}
    for path in files:
        source = deployment.tree.source(path)
        root = parse_yaml(source).root if source is not None else None
        if root is None:
            return "", None
        if root.get("include") is not None:
            return "", None
        services = root.get("services")
        for name, node in services.items() if services is not None else ():
            every.setdefault(name, node.named)
            if any(node.get(key) is not None for key in ("image", "build", "extends", "provider")):
                complete.add(name)
    return next(((name, place) for name, place in every.items() if name not in complete), ("", None))


@check(
    "M55", "warning", "Other platform",
    why="The image does not run, or runs slowly under emulation.",
    fix="Set the platform of the machine that is deployed to.",
)  # fmt: skip
def other_platform(deployment: Deployment) -> Iterator[Hit]:
    declared = deployment.file.text("platform")
    host = _architecture(declared) if declared else _MACHINES.get(platform.machine().lower(), "")
    if not host:
        return
    for service in deployment.services.values():
        node = service.get("platform")
        if node is not None and node.text and _architecture(node.text) != host:
            yield Hit(node.place, f"{service.name} asks for {node.text}; the deployment's platform is {host}.")
        platforms = service.get("build", "platforms")
        if (
            platforms is not None
            and platforms.words()
            and host not in {_architecture(word) for word in platforms.words()}
        ):
            yield Hit(platforms.place, f"{service.name} is built for {', '.join(platforms.words())}, not for {host}.")
        dockerfile = dockerfile_of(deployment, service)
        for instruction in dockerfile.instructions if dockerfile is not None else ():
            match = re.search(r"--platform=([\w/]+)", instruction.rest) if instruction.word == "FROM" else None
            if match and _architecture(match[1]) != host:
                yield Hit(instruction.place, f"The image of {service.name} is based on {match[1]}, not on {host}.")


def _architecture(text: str) -> str:
    part = text.lower().split("/")
    name = part[1] if len(part) > 1 else part[0]
    return _MACHINES.get(name, name)


@check(
    "M56", "error", "Container name used twice",
    why="The second container is not created.",
    fix="Rename one of them, or leave the name to compose.",
)  # fmt: skip
def container_name_twice(deployment: Deployment) -> Iterator[Hit]:
    first: dict[str, Service] = {}
    for service in deployment.services.values():
        node = service.get("container_name")
        if node is None or not node.text:
            continue
        other = first.setdefault(node.text, service)
        if other is not service and not (service.profiles and other.profiles and not service.profiles & other.profiles):
            what = f"{service.name} and {other.name} have the same container name, {node.text}."
            yield Hit(node.place, what, also=(other.at("container_name"),))
