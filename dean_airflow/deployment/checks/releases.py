"""M83, M86, M88, M94, M96: what a release brings: settings, requirements, limits, server versions, migrations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.advisories import first_safe
from dean_airflow.deployment.description.databases import servers
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import base_image, dockerfile_of, each_variable
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.postgres_images import postgres_major
from dean_airflow.deployment.description.quantities import cpus_of, memory_of
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

LEAST_AGENT_BUDGET = 100
OLDEST_POSTGRES = 13
_RANGES: dict[str, tuple[float, float]] = {
    "generations": (1, 100), "population_size": (5, 100), "mutation_rate": (0, 1), "crossover_rate": (0, 1),
    "fitness_threshold": (0, 1), "max_runtime_minutes": (1, 120), "diversity_threshold": (0.1, 1),
}  # fmt: skip
_BOUNDS = {"population_size": "max_population_size", "generations": "max_generations_per_cycle"}
_WEIGHTS = ("fitness_weights", "weights", "objectives")
_BUDGETS = ("token_budget", "budget", "total_budget", "requested_budget")
_ENVIRONMENT = re.compile(
    r"^(?:DEAN_)?(?:EVOLUTION_)?(GENERATIONS|POPULATION_SIZE|MUTATION_RATE|CROSSOVER_RATE|FITNESS_THRESHOLD"
    r"|DIVERSITY_THRESHOLD|MAX_RUNTIME_MINUTES|FITNESS_WEIGHTS|TOKEN_BUDGET)$"
)


@check(
    "M83", "error", "Evolution settings out of range",
    why="The trial is refused when it starts.",
    fix="Correct the values: weights sum to 1, and the budget is at least 100 tokens an agent.",
)  # fmt: skip
def evolution_settings(deployment: Deployment) -> Iterator[Hit]:
    others = _compose_names(deployment)
    for source in deployment.tree.matching(".yaml", ".yml", ".json"):
        if source.name in others or not re.search(
            r"population_size|fitness_weights|mutation_rate|generations", source.text
        ):
            continue
        root = parse_yaml(source).root
        for node in root.walk() if root is not None else ():
            if node.is_map and _is_evolution(node):
                yield from _judge(node)
    yield from _from_environment(deployment)


def _compose_names(deployment: Deployment) -> set[str]:
    health = deployment.root / "health"
    names = {layer.name for layer in deployment.compose.every}
    return names | {source.name for source in deployment.tree.sources if source.path.parent == health}


def _is_evolution(node: Node) -> bool:
    keys = set(node.value)
    return (
        len(keys & set(_RANGES)) >= 2
        or "fitness_weights" in keys
        or ("population_size" in keys and bool(keys & set(_BUDGETS)))
    )


def _judge(node: Node) -> Iterator[Hit]:
    for name, (low, high) in _RANGES.items():
        child = node.get(name)
        raised = node.get(_BOUNDS.get(name, "")) or node.get("constraints", _BOUNDS.get(name, ""))
        if raised is not None and isinstance(raised.value, int | float):
            high = float(raised.value)
        if child is None or child.value is None or child.is_map or child.is_list or "$" in child.text:
            continue
        value = _number(child.text)
        if value is None or not low <= value <= high:
            yield Hit(child.place, f"{name} is {child.text}; it must be between {low:g} and {high:g}.")
    for name in _WEIGHTS:
        weights = node.get(name)
        if weights is None or not weights.is_map or (name != "fitness_weights" and not _all_numbers(weights)):
            continue
        values = [_number(child.text) for _, child in weights.items()]
        if values and all(value is not None for value in values):
            total = sum(value for value in values if value is not None)
            negative = any(value is not None and value < 0 for value in values)
            if abs(total - 1) > 1e-6 or negative:
                also = tuple(child.place for _, child in weights.items())
                yield Hit(weights.named, f"{name} sum to {total:g}; they must sum to 1.", also=also)
    size = node.get("population_size")
    budget = next((child for name in _BUDGETS if (child := node.get(name)) is not None), None)
    if (
        size is not None
        and budget is not None
        and (count := _number(size.text))
        and (given := _number(budget.text)) is not None
    ) and given < count * LEAST_AGENT_BUDGET:
        what = f"A budget of {given:g} is under {LEAST_AGENT_BUDGET} for each of {count:g} agents."
        yield Hit(budget.place, what, also=(size.place,))


def _all_numbers(node: Node) -> bool:
    return all(_number(child.text) is not None and not child.is_map for _, child in node.items())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_environment(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    scope: dict[str, tuple[str, Place]] = {}
    for variable, _ in each_variable(deployment):
        match = _ENVIRONMENT.match(variable.name)
        place = variable.source.place
        if match is None or place in seen or not variable.value.strip() or "$" in variable.source.value:
            continue
        seen.add(place)
        name, value = match[1].lower(), variable.source.value.strip()
        scope[name] = (value, place)
        if name in _RANGES:
            low, high = _RANGES[name]
            number = _number(value)
            if number is None or not low <= number <= high:
                yield Hit(place, f"{variable.name} is {value}; it must be between {low:g} and {high:g}.")
        elif name == "fitness_weights":
            try:
                weights = json.loads(value)
                total = sum(float(each) for each in weights.values())
            except (ValueError, AttributeError, TypeError):
                continue
            if abs(total - 1) > 1e-6:
                yield Hit(place, f"{variable.name} sum to {total:g}; they must sum to 1.")
    size, budget = scope.get("population_size"), scope.get("token_budget")
    if (
        size
        and budget
        and (count := _number(size[0]))
        and (given := _number(budget[0]))
        and given < count * LEAST_AGENT_BUDGET
    ):
        what = f"A budget of {given:g} is under {LEAST_AGENT_BUDGET} for each of {count:g} agents."
        yield Hit(budget[1], what, also=(size[1],))


@check(
    "M86", "warning", "Requirement unpinned or vulnerable",
    why="Tomorrow's installation is another one, or brings a hole that is known.",
    fix="Pin it, to a version without known holes.",
)  # fmt: skip
def requirements(deployment: Deployment) -> Iterator[Hit]:
    for source in deployment.tree.matching(".txt", ".lock"):
        if not re.fullmatch(r"(?:[\w-]*[-_])?requirements(?:[-_.][\w-]+)*\.(?:txt|lock)", source.path.name):
            continue
        pinned = _pinned_elsewhere(deployment, source)
        for number, line in enumerate(source.lines, 1):
            text = re.split(r"\s#|^#|;", line.strip(), maxsplit=1)[0].strip().removesuffix("\\").strip()
            match = re.match(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)$", text)
            if match is None or text.startswith("-") or "://" in text.split("@")[0]:
                continue
            name, constraint = match[1].lower().replace("_", "-"), match[2]
            exact = re.match(r"===?\s*([\w.+!-]+)$", constraint.split("--hash")[0].strip())
            if exact is None or "*" in constraint:
                if pinned is not True and name not in (pinned or ()) and not constraint.startswith("@"):
                    yield Hit(source.at(number), f"{match[1]} in {source.name} is not pinned.")
            elif safe := first_safe(name, exact[1]):
                yield Hit(source.at(number), f"{match[1]} {exact[1]} has known holes; {safe} is the first without.")


def _pinned_elsewhere(deployment: Deployment, source: Source) -> bool | set[str] | None:
    """True with a lock file beside it; the names that its constraints pin."""
    folder = source.path.parent
    stem = source.path.name.removesuffix(".txt")
    locks = ("requirements.lock", f"{stem}.lock", "poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock")
    if source.path.suffix != ".lock" and any((folder / name).is_file() for name in locks):
        return True
    names: set[str] = set()
    for line in source.lines:
        match = re.match(r"\s*(?:-c|--constraint)[ =]+(\S+)", line)
        constraints = deployment.tree.source(deployment.tree.resolve(match[1], folder)) if match else None
        if match and constraints is None and "://" in match[1]:
            return True
        for each in constraints.lines if constraints is not None else ():
            if pin := re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==", each):
                names.add(pin[1].lower().replace("_", "-"))
    return names or None


@check(
    "M88", "error", "Reservation above the limit",
    why="Docker refuses to create the container.",
    fix="Lower the reservation or raise the limit.",
)  # fmt: skip
def reservation_above_limit(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        pairs = [
            (("deploy", "resources", "reservations", "memory"), ("deploy", "resources", "limits", "memory"), memory_of),
            (("deploy", "resources", "reservations", "cpus"), ("deploy", "resources", "limits", "cpus"), cpus_of),
            (("mem_reservation",), ("mem_limit",), memory_of),
        ]
        for reserved_at, limit_at, size in pairs:
            reserved, limit = service.get(*reserved_at), service.get(*limit_at)
            if reserved is None or limit is None:
                continue
            asked, most = size(reserved.text), size(limit.text)
            if asked is not None and most is not None and asked > most:
                what = f"{service.name} reserves {reserved.text}, and its limit is {limit.text}."
                yield Hit(reserved.place, what, also=(limit.place,))


@check(
    "M94", "error", "Database server too old, or data of another version",
    why="The server does not start on the data, or lacks what DEAN's schema needs.",
    fix="Upgrade by dump and restore.",
)  # fmt: skip
def database_version(deployment: Deployment) -> Iterator[Hit]:
    for server in servers(deployment):
        image = base_image(deployment, server.service)
        major = postgres_major(image)
        if major is None:
            continue
        dockerfile = dockerfile_of(deployment, server.service)
        place = dockerfile.stages[-1][2] if dockerfile is not None and dockerfile.stages else server.service.at("image")
        if major < OLDEST_POSTGRES:
            yield Hit(
                place, f"{server.service.name} runs PostgreSQL {major}; {OLDEST_POSTGRES} is the oldest supported."
            )
            continue
        for mount in server.service.mounts:
            found = _data_version(mount.path)
            if found is not None and found[0] != major:
                what = f"The data in {mount.source} are of PostgreSQL {found[0]}; {server.service.name} runs {major}."
                yield Hit(place, what, also=(mount.place, Place(deployment.tree.name(found[1]))))


def _data_version(path: Path | None) -> tuple[int, Path] | None:
    for folder in (path, path / "data", path / "pgdata") if path is not None else ():
        try:
            return int((folder / "PG_VERSION").read_text().strip().split(".")[0]), folder / "PG_VERSION"
        except (OSError, ValueError):
            continue
    return None


@check(
    "M96", "error", "Two heads of migrations",
    why="Migrating stops: there is no one newest revision.",
    fix="Merge the heads.",
)  # fmt: skip
def two_heads(deployment: Deployment) -> Iterator[Hit]:
    by_folder: dict[Path, list[tuple[str, set[str], Place]]] = {}
    named: dict[str, Place] = {}
    for source in deployment.tree.matching(".py"):
        if source.path.parent.name != "versions":
            continue
        revision = re.search(r"(?m)^revision\s*(?::[^=]+)?=\s*['\"]([^'\"]+)", source.text)
        if revision is None:
            continue
        down = re.search(r"(?m)^down_revision\s*(?::[^=]+)?=\s*(.+(?:\n\s+.*)*)", source.text)
        parents = set(re.findall(r"['\"]([^'\"]+)['\"]", down[1])) if down else set()
        line = source.text.count("\n", 0, (down or revision).start()) + 1
        named[revision[1]] = source.at(source.text.count("\n", 0, revision.start()) + 1)
        by_folder.setdefault(source.path.parent, []).append((revision[1], parents, source.at(line)))
    for revisions in by_folder.values():
        known = {revision for revision, _, _ in revisions}
        parents = {parent for _, before, _ in revisions for parent in before}
        heads = [(revision, place) for revision, _, place in revisions if revision not in parents]
        if len(heads) > 1:
            names = ", ".join(revision for revision, _ in heads)
            also = (*(place for _, place in heads[:-1]), *(named[revision] for revision, _ in heads))
            yield Hit(heads[-1][1], f"The migrations have {len(heads)} heads: {names}.", also=also)
        for name, before, place in revisions:
            for missing in sorted(before - known):
                yield Hit(place, f"The migration {name} follows {missing}, which is not there.")
