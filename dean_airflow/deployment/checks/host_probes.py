"""M28, M36, M42, M53, M56, M71 to M74, M76, M87, M88, M91: what the machine says."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, NotChecked, probe
from dean_airflow.deployment.description.addresses import ALL_V4
from dean_airflow.deployment.description.databases import INIT_TARGET, servers
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.quantities import cpus_of, memory_of
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.talk import calls
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.probes.docker import in_compose, needs_docker, needs_host_ports, project_name
from dean_airflow.deployment.probes.probes import Probes

LEAST_FREE_GB = 10.0
MOST_SKEW_SECONDS = 60.0
_GB = 1024**3


def _compose_place(deployment: Deployment) -> Place:
    return Place(deployment.compose.layers[0].name) if deployment.compose.layers else Place(".")


@probe(
    "M71", "error", "Docker missing or down",
    why="Nothing can be deployed.",
    fix="Install Docker, or start its daemon.",
)  # fmt: skip
def docker_missing(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    ran = probes.run(["docker", "version", "--format", "{{.Server.Version}}"])
    if not ran.ok:
        reason = ran.error.splitlines()[0] if ran.error else f"it ended with {ran.code}"
        yield Hit(_compose_place(deployment), f"Docker does not answer: {reason}.")


@probe(
    "M72", "error", "Compose plugin missing",
    why="`docker compose` does not exist.",
    fix="Install the plugin docker-compose-plugin.",
)  # fmt: skip
def compose_missing(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    if not probes.run(["docker", "compose", "version", "--short"]).ok and not _has_legacy(probes):
        yield Hit(_compose_place(deployment), "There is no compose plugin.")


@probe(
    "M53", "warning", "Only the legacy compose command",
    why="docker-compose 1 has had no updates since 2023, and reads files otherwise.",
    fix="Install the plugin docker-compose-plugin.",
)  # fmt: skip
def legacy_compose(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    if not probes.run(["docker", "compose", "version", "--short"]).ok and _has_legacy(probes):
        yield Hit(_compose_place(deployment), "There is only the legacy command docker-compose.")


def _has_legacy(probes: Probes) -> bool:
    return probes.run(["docker-compose", "version", "--short"]).ok


@probe(
    "M36", "error", "Port in use",
    why="The container that publishes it does not start.",
    fix="Stop the process that holds it, or publish another port.",
)  # fmt: skip
def port_in_use(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_host_ports(deployment)
    ours = {port for container in _running(deployment, probes) for port in container}
    unknown: list[str] = []
    for service in deployment.services.values():
        for port in service.ports:
            for number in port.published_numbers[:100]:
                if number in ours or not 0 < number < 65_536:
                    continue
                try:
                    owner = probes.port_owner(port.host or ALL_V4, number, port.protocol)
                except NotChecked as reason:
                    unknown.append(str(reason))
                    continue
                if owner is not None:
                    what = f"Port {number}/{port.protocol} of {service.name} is in use by {owner}."
                    yield Hit(port.place, what)
    if unknown:
        raise NotChecked("; ".join(unknown))


def _running(deployment: Deployment, probes: Probes) -> list[list[int]]:
    """The host ports that running containers of this very project hold: its own are no clash."""
    try:
        ran = in_compose(deployment, probes, "ps", "--format", "json")
    except NotChecked:
        return []
    found = []
    for line in ran.output.splitlines() if ran.ok else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found += [
            [int(published.get("PublishedPort") or 0) for published in each.get("Publishers") or []]
            for each in (entry if isinstance(entry, list) else [entry])
        ]
    return found


@probe(
    "M42", "warning", "Host not reached",
    why="The service that needs it fails when it starts, or later.",
    fix="Correct the host, or bring the VPN up.",
)  # fmt: skip
def host_unreachable(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    seen: set[tuple[str, int | None]] = set()
    for call in calls(deployment):
        if "." not in call.host or call.host.endswith((".internal", ".local")) or (call.host, call.port) in seen:
            continue
        if deployment.service_called(call.host) is not None or call.host.startswith(("127.", "0.")):
            continue
        seen.add((call.host, call.port))
        if not probes.resolve(call.host):
            yield Hit(call.place, f"{call.by} names {call.host}, whose name is not known.")
        elif call.port and (reason := probes.connect(call.host, call.port)):
            yield Hit(call.place, f"{call.by} names {call.host}:{call.port}, which is not reached: {reason}.")


@probe(
    "M91", "warning", "Public host resolves elsewhere",
    why="Users reach another machine, or none.",
    fix="Correct DNS.",
)  # fmt: skip
def public_host(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    if not deployment.public_hosts:
        return
    own = probes.own_addresses() | {node.text for node in deployment.file.entries("balancer")}
    for host, place in deployment.public_hosts:
        addresses = probes.resolve(host)
        if not addresses:
            yield Hit(place, f"{host} has no address.")
        elif not set(addresses) & own:
            yield Hit(place, f"{host} is {', '.join(addresses)}, which is no address of this machine.")


@probe(
    "M73", "warning", "Little disk space",
    why="Images do not fit, databases stop writing.",
    fix="Free space; 20 to 100 GB are recommended.",
)  # fmt: skip
def disk_space(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    declared = deployment.file.get("required_gb")
    required = float(declared.text) if declared is not None and declared.text.replace(".", "", 1).isdigit() else None
    free = probes.space(deployment.root).free / _GB
    if required is not None and free < required and declared is not None:
        yield Hit(declared.place, f"{free:.1f} GB are free; {required:g} are required.", "error")
    elif free < LEAST_FREE_GB:
        yield Hit(Place("."), f"{free:.1f} GB are free; under {LEAST_FREE_GB:g} GB is little.")


@probe(
    "M87", "warning", "Few inodes left",
    why="No file can be created, though space is free.",
    fix="Delete small files, or enlarge the file system.",
)  # fmt: skip
def inodes(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    space = probes.space(deployment.root)
    if not space.inodes:
        raise NotChecked("the file system does not count inodes")
    share = space.free_inodes / space.inodes
    if share < 0.10:
        yield Hit(Place("."), f"{share:.1%} of the inodes are free.", "error" if share < 0.02 else "warning")


def _limits(service: Service) -> tuple[tuple[float, Place] | None, tuple[float, Place] | None]:
    """Memory and CPU limits of all replicas, with where they stand."""
    found: list[tuple[float, Place] | None] = []
    for paths, size in (
        ((("deploy", "resources", "limits", "memory"), ("mem_limit",)), memory_of),
        ((("deploy", "resources", "limits", "cpus"), ("cpus",)), cpus_of),
    ):
        node = next((node for path in paths if (node := service.get(*path)) is not None), None)
        amount = size(node.text) if node is not None else None
        found.append((amount * service.replicas, node.place) if amount is not None and node is not None else None)
    return found[0], found[1]


@probe(
    "M74", "warning", "Limits exceed the machine",
    why="Under load services are killed that stay within their limits.",
    fix="Lower the limits or add resources.",
)  # fmt: skip
def machine_too_small(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    limits = [_limits(service) for service in deployment.services.values()]
    memory = sum(each[0][0] for each in limits if each[0] is not None)
    cpus = sum(each[1][0] for each in limits if each[1] is not None)
    place = _compose_place(deployment)
    if memory > probes.memory():
        yield Hit(
            place, f"The memory limits sum to {memory / _GB:.1f} GB; the machine has {probes.memory() / _GB:.1f}."
        )
    elif cpus > probes.cpus():
        yield Hit(place, f"The CPU limits sum to {cpus:g}; the machine has {probes.cpus()}.")


@probe(
    "M88", "error", "Limit above the machine's",
    why="Docker refuses a CPU limit above the machine's; a memory limit above it limits nothing.",
    fix="Lower the limit.",
)  # fmt: skip
def limit_above_machine(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for service in deployment.services.values():
        memory, cpus = _limits(service)
        if cpus is not None and cpus[0] / max(1, service.replicas) > probes.cpus():
            yield Hit(cpus[1], f"{service.name} may use {cpus[0]:g} CPUs; the machine has {probes.cpus()}.", "error")
        if memory is not None and memory[0] / max(1, service.replicas) > probes.memory():
            yield Hit(memory[1], f"{service.name} may use more memory than the machine has.", "warning")


@probe(
    "M76", "warning", "Clock wrong",
    why="Tokens are refused, certificates seem not yet valid.",
    fix="Synchronise the time.",
)  # fmt: skip
def clock_wrong(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    offset = probes.clock_offset()
    if abs(offset) > MOST_SKEW_SECONDS:
        yield Hit(Place("."), f"The clock is {abs(offset):.0f} s off.")


@probe(
    "M56", "error", "Container already runs",
    why="The container is not created.",
    fix="Stop the other container, or rename this one.",
)  # fmt: skip
def container_runs(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    ran = probes.run(["docker", "ps", "-a", "--format", '{{.Names}}\t{{.Label "com.docker.compose.project"}}'])
    if not ran.ok:
        raise NotChecked("Docker does not answer")
    others = {line.split("\t")[0]: line.partition("\t")[2] for line in ran.output.splitlines()}
    for service in deployment.services.values():
        node = service.get("container_name")
        if node is not None and node.text in others and others[node.text] != project_name(deployment):
            yield Hit(node.place, f"A container {node.text} is there already, and is none of this project.")


@probe(
    "M28", "warning", "Init scripts with a volume that exists",
    why="A database with data does not run them again.",
    fix="Write a migration, or recreate the volume knowingly.",
)  # fmt: skip
def old_volume(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    ran = probes.run(["docker", "volume", "ls", "--format", "{{.Name}}"])
    if not ran.ok:
        raise NotChecked("Docker does not answer")
    existing = set(ran.output.split())
    for server in servers(deployment):
        init = next((mount for mount in server.service.mounts if mount.target.startswith(INIT_TARGET)), None)
        for mount in server.service.mounts:
            volume = f"{project_name(deployment)}_{mount.source}"
            if init is not None and mount.kind == "volume" and mount.source and volume in existing:
                yield Hit(init.place, f"The volume {volume} is there already, so the init scripts do not run.")
