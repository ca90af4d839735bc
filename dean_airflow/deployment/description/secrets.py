"""The secrets of a deployment: values of variables and files, each where it really stands, and each once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.deployment import is_env_file, is_template
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import each_variable, remembered
from dean_airflow.deployment.description.naming import is_boolean, is_secret_name
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_NO_SECRETS = frozenset({"rotation.yaml", "rotation.yml", "README.md", "README", ".gitkeep", ".gitignore", ".keep"})
_STRUCTURED = (".yaml", ".yml", ".json", ".md", ".crt", ".cer", ".pem", ".pfx", ".p12", ".csr", ".sh")
_UNIT_VARIABLE = re.compile(r"^\s*Environment\s*=\s*(.*)$")
_PAIR = re.compile(r"\"(\w+)=([^\"]*)\"|'(\w+)=([^']*)'|(\w+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Secret:
    """`name` of the variable or file; `bearers` every name it goes by, with the variables beside that name."""

    name: str
    value: str
    place: Place
    in_file: bool
    bearers: tuple[tuple[str, Mapping[str, Variable]], ...] = ()


def secrets_of(deployment: Deployment) -> list[Secret]:
    """Every secret that is not empty, by where its value stands."""
    return remembered(deployment, "secrets", lambda: _each_once(deployment))


def _each_once(deployment: Deployment) -> list[Secret]:
    found: dict[Place, Secret] = {}
    for variable, service in each_variable(deployment):
        if not is_secret_name(variable.name) or is_boolean(variable.value) or not variable.value.strip():
            continue
        source = variable.source
        scope = service.environment if service is not None else scope_of(deployment, variable)
        known = found.get(source.place)
        name = source.name if is_secret_name(source.name) else variable.name
        bearers = (*(known.bearers if known is not None else ()), (variable.name, scope))
        found[source.place] = Secret(known.name if known else name, source.value, source.place, False, bearers)
    for name, value, place in unit_variables(deployment):
        if is_secret_name(name) and value and not is_boolean(value) and "$" not in value:
            found.setdefault(place, Secret(name, value, place, False))
    for path in secret_value_files(deployment):
        source_file = deployment.tree.source(path)
        if source_file is not None and (value := source_file.text.strip()) and "-----BEGIN" not in value:
            place = Place(source_file.name, 1)
            found.setdefault(place, Secret(path.name, value, place, True))
    return list(found.values())


def scope_of(deployment: Deployment, variable: Variable) -> Mapping[str, Variable]:
    """The other variables of the env file that a variable stands in."""
    for env_file in deployment.used_env_files:
        if env_file.name == variable.place.file:
            return env_file.by_name
    return {}


def unit_variables(deployment: Deployment) -> Iterator[tuple[str, str, Place]]:
    """What systemd units set themselves."""
    for unit in deployment.tree.matching(".service"):
        for number, line in enumerate(unit.lines, 1):
            match = _UNIT_VARIABLE.match(line)
            for parts in _PAIR.finditer(match[1]) if match else ():
                name = parts[1] or parts[3] or parts[5]
                yield name, parts[2] or parts[4] or parts[6] or "", unit.at(number)


def secret_value_files(deployment: Deployment) -> list[Path]:
    """Files that hold one secret: those under `secrets/`, and those that compose secrets name."""
    found = {
        path
        for path in deployment.tree.files
        if "secrets" in path.relative_to(deployment.root).parts[:-1] and _holds_a_value(path)
    }
    for node in deployment.compose.section("secrets").values():
        file = node.get("file")
        if file is not None and file.text:
            path = deployment.tree.resolve(file.text)
            if _holds_a_value(path):
                found.add(path)
    return sorted(found)


def _holds_a_value(path: Path) -> bool:
    return not (
        path.name in _NO_SECRETS
        or is_template(path.name)
        or is_env_file(path.name)
        or path.suffix.lower() in _STRUCTURED
    )


def secret_files(deployment: Deployment) -> list[Path]:
    """Files that must be private: `.env`, `*.env`, what is under `secrets/`, and private keys."""
    found = []
    compose_secrets = {
        deployment.tree.resolve(file.text)
        for node in deployment.compose.section("secrets").values()
        if (file := node.get("file")) is not None
    }
    for path in deployment.tree.files:
        name = path.name
        if is_template(name) or name in _NO_SECRETS:
            continue
        below_secrets = "secrets" in path.relative_to(deployment.root).parts[:-1]
        if (
            name == ".env"
            or name.endswith(".env")
            or below_secrets
            or path in compose_secrets
            or _is_private_key(deployment, path)
        ):
            found.append(path)
    return found


def _is_private_key(deployment: Deployment, path: Path) -> bool:
    if path.suffix.lower() in (".pfx", ".p12"):
        return True
    if path.suffix.lower() not in (".pem", ".key", ".crt", ""):
        return False
    source = deployment.tree.source(path)
    return source is not None and re.search(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----", source.data) is not None
