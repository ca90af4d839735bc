"""M10 to M12, M18, M19: env files and the variables that compose needs of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import kind, of_kind
from dean_airflow.deployment.description.loaders import cannot_expand
from dean_airflow.deployment.description.missing import missing_env_files
from dean_airflow.deployment.description.naming import ALIASES, MODEL_KEYS, is_airflow_key
from dean_airflow.deployment.description.needs import PARTS
from dean_airflow.deployment.description.roles import dean_services, names_database
from dean_airflow.deployment.description.tree import MAX_BYTES
from dean_airflow.deployment.place import Place

_REQUIRED = frozenset(
    {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "REDIS_PASSWORD", "JWT_SECRET_KEY", "DEAN_SERVICE_API_KEY"}
    | {"DATABASE_URL"}
)
_DEFAULTED = re.compile(r"\$\{[A-Za-z_]\w*:?-[^}]*\}")


@check(
    "M10", "error", "Env file missing",
    why="Compose does not start, or starts with empty values.",
    fix="Copy the template beside it and fill it in.",
)  # fmt: skip
def env_file_missing(deployment: Deployment) -> Iterator[Hit]:
    for missing in missing_env_files(deployment):
        name = deployment.tree.name(missing.path)
        state = (
            f"cannot be read as a file of at most {MAX_BYTES // 1024 // 1024} MB" if missing.is_there else "is missing"
        )
        yield Hit(missing.place, f"{name} {state}; {missing.asked_by} needs it.", also=(Place(name),))


@check(
    "M11", "error", "Required variable unset",
    why="The service that needs it does not start, or runs without a login.",
    fix="Set it in the env file.",
)  # fmt: skip
def required_variable(deployment: Deployment) -> Iterator[Hit]:
    if deployment.env_missing:
        return
    seen: set[str] = set()
    for name, place, who in [*_declared_required(deployment), *_referenced(deployment), *_needed(deployment)]:
        if name in seen or is_set(deployment, name):
            continue
        seen.add(name)
        empty = empty_variable(deployment, name)
        state = "is empty" if empty else "is set nowhere"
        yield Hit(empty.place if empty else place, f"{name} {state}; {who} needs it.", also=(place,))


def _declared_required(deployment: Deployment) -> Iterator[tuple[str, Place, str]]:
    for node in deployment.file.entries("required_env"):
        yield node.text, node.place, "the deployment (`required_env`)"
    for service in deployment.services.values():
        declared = deployment.declared(service.name, "env")
        for node in declared.entries() if declared is not None else ():
            if not node.text.startswith(PARTS):
                yield node.text, node.place, f"{service.name} (its declared `env`)"


def _referenced(deployment: Deployment) -> Iterator[tuple[str, Place, str]]:
    """Required names that compose uses and that are unset, or empty where a value must be."""
    for reference in deployment.compose.references:
        name = reference.use.name
        if not is_required_name(deployment, name) or "+" in reference.use.asks or "-" in reference.use.asks:
            continue
        yield name, reference.place, reference.service or "compose"


def is_required_name(deployment: Deployment, name: str) -> bool:
    """Whether a variable, when unset, is M11's rather than M12's."""
    if deployment.file.has("required_env"):
        return name in deployment.file.root.value["required_env"].words()
    return name in _REQUIRED or name in MODEL_KEYS


def _needed(deployment: Deployment) -> Iterator[tuple[str, Place, str]]:
    """What the services of the deployment need whether or not compose names it."""
    if deployment.file.has("required_env"):
        return
    for service in of_kind(deployment, "postgres"):
        method = service.environment.get("POSTGRES_HOST_AUTH_METHOD")
        if service.image.startswith("bitnami/"):
            continue
        if method is None or method.value != "trust":
            given = service.environment.get("POSTGRES_PASSWORD")
            place = given.place if given is not None else service.place
            yield "POSTGRES_PASSWORD", place, f"the database {service.name}"
        for name in ("POSTGRES_USER", "POSTGRES_DB"):
            named = names_database(deployment, service, name)
            if named is not None or name in service.environment:
                yield name, named or service.environment[name].place, f"the database {service.name}"
    for service in of_kind(deployment, "mysql"):
        choices = [f"{maker}_{rest}" for maker in ("MYSQL", "MARIADB") for rest in (
            "ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD", "ALLOW_EMPTY_ROOT_PASSWORD", "RANDOM_ROOT_PASSWORD",
            "ROOT_PASSWORD_HASH")]  # fmt: skip
        if not any(is_set(deployment, name) for name in choices) and not service.image.startswith("bitnami/"):
            maker = "MARIADB" if "mariadb" in service.image else "MYSQL"
            yield f"{maker}_ROOT_PASSWORD", service.place, f"the database {service.name}"
    for service in of_kind(deployment, "redis"):
        if "REDIS_PASSWORD" in service.environment:
            yield "REDIS_PASSWORD", service.environment["REDIS_PASSWORD"].place, service.name
    for service in dean_services(deployment):
        for name in ("JWT_SECRET_KEY", "DEAN_SERVICE_API_KEY"):
            yield name, service.place, f"DEAN's service {service.name}"
        if not _has_database_login(deployment):
            yield "DATABASE_URL", service.place, f"DEAN's service {service.name}"


def _has_database_login(deployment: Deployment) -> bool:
    parts = [("POSTGRES_USER", "POSTGRES_DB"), ("DB_USER", "DB_NAME"), ("PGUSER", "PGDATABASE")]
    urls = ("DATABASE_URL", "DB_URL", "AIRFLOW__DEAN__STORE", "DEAN_STORE")
    return any(is_set(deployment, name) for name in urls) or any(
        all(is_set(deployment, name) for name in pair) for pair in parts
    )


def is_set(deployment: Deployment, name: str) -> bool:
    """In an env file or an `environment`, not empty; or as `X_FILE`, or as a compose secret of that name."""
    if any(variable.value.strip() for variable in variables_called(deployment, name)):
        return True
    if any(variable.value for variable in variables_called(deployment, f"{name}_FILE")):
        return True
    return any(re.sub(r"\W", "_", secret).upper() == name for secret in deployment.compose.section("secrets"))


def variables_called(deployment: Deployment, name: str) -> Iterator[Variable]:
    if (known := deployment.variables.get(name)) is not None:
        yield known
    for env_file in deployment.used_env_files:
        yield from (variable for variable in env_file.variables if variable.name == name)
    for service in deployment.services.values():
        if name in service.own_environment:
            yield service.own_environment[name]


def empty_variable(deployment: Deployment, name: str) -> Variable | None:
    """Where it is set to nothing, also by way of a `${X}` whose X is set to nothing."""
    for variable in variables_called(deployment, name):
        if variable.value.strip():
            continue
        if not variable.uses:
            return variable.source
        empty = [use.variable for use in variable.uses if use.variable is not None and not use.variable.value.strip()]
        if empty:
            return empty[0].source
    return None


@check(
    "M12", "error", "Variable unset",
    why="Compose puts an empty text there, or refuses to start.",
    fix="Set it in the env file or give it a default: ${X:-value}.",
)  # fmt: skip
def variable_unset(deployment: Deployment) -> Iterator[Hit]:
    if deployment.env_missing:
        return
    places: dict[str, list[tuple[Place, str]]] = {}
    for reference in deployment.compose.references:
        if reference.use.outcome == "unset":
            places.setdefault(reference.use.name, []).append((reference.place, reference.use.asks))
    for env_file in deployment.used_env_files:
        for variable in env_file.variables:
            for use in variable.uses:
                if use.outcome == "unset" and variable.raw.find("$") >= 0 and "${" in variable.raw:
                    places.setdefault(use.name, []).append((variable.place, use.asks))
    airflow_keys = _feeding_airflow_keys(deployment)
    for name, found in places.items():
        if is_required_name(deployment, name) or name in airflow_keys or is_airflow_key(name):
            continue
        place, asks = found[0]
        state = "unset or empty" if asks == ":?" else "set nowhere"
        yield Hit(place, f"`{name}` is used and {state}.", also=tuple(p for p, _ in found[1:]))


def _feeding_airflow_keys(deployment: Deployment) -> set[str]:
    return {
        use.name
        for service in deployment.services.values()
        for variable in service.own_environment.values()
        if is_airflow_key(variable.name)
        for use in variable.uses
        if use.outcome == "unset"
    }


@check(
    "M18", "error", "Default that its reader cannot expand",
    why="The program gets the text `${X:-value}` itself.",
    fix="Write the plain value there.",
)  # fmt: skip
def unexpandable_default(deployment: Deployment) -> Iterator[Hit]:
    for source, reader in cannot_expand(deployment):
        for number, line in enumerate(source.lines, 1):
            code = _code(line, source.path)
            match = _DEFAULTED.search(code)
            if match:
                yield Hit(source.at(number), f"{source.name} is read by {reader}, which does not expand `{match[0]}`.")


def _code(line: str, path: Path) -> str:
    stripped = line.lstrip()
    if path.suffix == ".sql":
        return re.split(r"--", line, maxsplit=1)[0]
    return "" if stripped.startswith(("#", ";", "//")) else line


@check(
    "M19", "warning", "Two names of one setting differ",
    why="Which of the two counts depends on the reader.",
    fix="Keep one name.",
)  # fmt: skip
def alias_differs(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    scopes = [env_file.by_name for env_file in deployment.used_env_files]
    scopes += [service.environment for service in deployment.services.values()]
    for scope in scopes:
        for left, right in ALIASES:
            one, other = scope.get(left), scope.get(right)
            if one is None or other is None or not one.value or not other.value or one.value == other.value:
                continue
            first, second = sorted((one.source.place, other.source.place), key=lambda p: (p.file, p.line or 0))
            if second not in seen and first not in seen:
                seen.update((first, second))
                yield Hit(second, f"{left} and {right} are both set, to different values.", also=(first,))


def uses_kind(deployment: Deployment, *kinds: str) -> bool:
    return any(kind(deployment, service) in kinds for service in deployment.services.values())
