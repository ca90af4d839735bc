"""M79 to M81 and M97: Airflow's version, DAGs, keys, pools and queues."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.checks.secrets import placeholders
from dean_airflow.deployment.description.airflow import (
    airflow_services,
    dag_folders,
    names_of_dags,
    reads_of_dags,
)
from dean_airflow.deployment.description.dag_imports import import_dags
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import base_image, dockerfile_of, each_variable, scripts
from dean_airflow.deployment.description.images import kind_of, parse_image
from dean_airflow.deployment.description.interpolation import Use
from dean_airflow.deployment.description.naming import is_airflow_key, is_fernet
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

SHIPPED_DAGS = ("dean_evolution_trial", "dean_maintenance", "dean_scheduled_trials", "dean_deployment_validation")
_BASIC = re.compile(r"basic_auth|BasicAuth|\bbasic\b", re.IGNORECASE)


@check(
    "M79", "error", "Airflow 2, its API v1, or Basic authentication",
    why="Airflow 3 has none of them; every call fails.",
    fix="Use Airflow 3 with /api/v2, and tokens of /auth/token.",
)  # fmt: skip
def old_airflow(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for place, what in _old_airflow(deployment):
        if place not in seen:
            seen.add(place)
            yield Hit(place, what, also=_arguments(deployment, place))


def _arguments(deployment: Deployment, place: Place) -> tuple[Place, ...]:
    """The other side of a FROM: the ARG that it takes its version of."""
    for service in deployment.services.values():
        dockerfile = dockerfile_of(deployment, service)
        if dockerfile is not None and dockerfile.source.name == place.file:
            return dockerfile.argument_of(place)
    return ()


def _old_airflow(deployment: Deployment) -> Iterator[tuple[Place, str]]:
    names = {name for service in airflow_services(deployment) for name in service.names}
    for service in deployment.services.values():
        image = base_image(deployment, service)
        major = re.match(r"(?:slim-)?(\d+)\.", parse_image(image).tag)
        if kind_of(image) == "airflow" and major and int(major[1]) < 3:
            yield _image_place(deployment, service.name), f"{service.name} runs {image}; DEAN needs Airflow 3."
    for source in deployment.tree.matching(".txt", ".in", ".toml", ".lock"):
        for number, line in enumerate(source.lines, 1):
            match = re.search(r"apache[-_]airflow(?:\[[^\]]*\])?\s*(==|~=|<=?|>=)\s*(\d+)(?:\.\d+)*", line)
            if match and not line.lstrip().startswith("#") and int(match[2]) < 3 and match[1] in ("==", "~="):
                yield source.at(number), f"{source.name} asks for Airflow {match[2]}; DEAN needs Airflow 3."
    for variable, _ in each_variable(deployment):
        name, value, place = variable.name.upper(), variable.source.value, variable.source.place
        if (
            re.search(r"AUTH_BACKENDS?$|AIRFLOW.*AUTH(?:_TYPE|_METHOD)?$", name)
            and "AIRFLOW" in name
            and _BASIC.search(value)
        ):
            yield place, f"{variable.name} asks for Basic authentication."
        for url in find_urls(value):
            if url.host not in names and "AIRFLOW" not in name:
                continue
            if re.match(r"/api/v1(?:/|$|\?)", url.path) and url.family in ("http", "https"):
                yield place, f"{variable.name} points to Airflow's API v1."
            elif (
                url.raw_password
                and url.family in ("http", "https")
                and not name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_"))
            ):
                yield place, f"{variable.name} logs in to Airflow with Basic authentication."
    for source in deployment.tree.sources:
        if source.path.name in ("airflow.cfg", "airflow_local.cfg"):
            for number, line in enumerate(source.lines, 1):
                if re.match(r"\s*auth_backends?\s*=.*basic_auth", line):
                    yield source.at(number), f"{source.name} asks for Basic authentication."
        elif source.path.suffix in (".yml", ".yaml", ".json") and "/api/v1" in source.text:
            for number, line in enumerate(source.lines, 1):
                named = re.search(
                    r"airflow[\w.-]*(?::\d+)?/api/v1\b|airflow\w*[\"']?\s*:\s*[\"']?https?://[^\s\"']+/api/v1\b",
                    line,
                    re.I,
                )
                if named and not line.lstrip().startswith("#") and not _is_compose(deployment, source.name):
                    yield source.at(number), f"{source.name} points to Airflow's API v1."
    for service in deployment.services.values():
        test = service.health_test
        for entry in test.entries() if test is not None else ():
            if service.name in names and "/api/v1" in entry.text:
                yield entry.place, f"The health check of {service.name} asks Airflow's API v1."


def _is_compose(deployment: Deployment, name: str) -> bool:
    return any(layer.name == name for layer in [*deployment.compose.layers, *deployment.compose.included])


def _image_place(deployment: Deployment, name: str) -> Place:
    service = deployment.services[name]
    dockerfile = dockerfile_of(deployment, service)
    return dockerfile.stages[-1][2] if dockerfile is not None and dockerfile.stages else service.at("image")


@check(
    "M80", "error", "DAG does not import, or is absent",
    why="Airflow does not run it, and says so only in a corner of its UI.",
    fix="Correct the DAG; put the missing one into the DAGs folder.",
)  # fmt: skip
def dag_imports(deployment: Deployment) -> Iterator[Hit]:
    if not dag_folders(deployment):
        return
    imported = import_dags(deployment)
    for error in imported.errors:
        yield Hit(error.place, f"{error.place.file} does not import: {error.message}")
    declared = deployment.file.entries("airflow", "dags")
    for node in declared:
        if node.text not in imported.dag_ids and not imported.errors:
            yield Hit(node.place, f"The DAG {node.text} is required, and no file defines it.")
    if not declared and imported.ships_dean and not imported.errors:
        for name in SHIPPED_DAGS:
            if name not in imported.dag_ids:
                yield Hit(imported.ships_dean, f"DEAN's DAG {name} is absent.")


@check(
    "M81", "error", "Airflow key, connection or variable missing",
    why="Airflow does not start, cannot read its connections, or the DAG fails at its first task.",
    fix="Set it: a Fernet key is 32 random bytes in URL-safe base64, 44 characters.",
)  # fmt: skip
def airflow_values(deployment: Deployment) -> Iterator[Hit]:
    yield from _keys(deployment)
    yield from _reads(deployment)


def _keys(deployment: Deployment) -> Iterator[Hit]:
    excused = set(placeholders(deployment))
    seen: set[Place] = set()
    unset: set[str] = set()
    for variable, service in each_variable(deployment):
        if not is_airflow_key(variable.name):
            continue
        if not variable.name.upper().startswith("AIRFLOW") and not airflow_services(deployment):
            continue
        missing = next((use for use in variable.uses if use.outcome == "unset" or _is_empty(use)), None)
        if missing is not None and deployment.env_missing:
            continue
        source = variable.source
        if missing is not None and missing.variable is not None:
            source = missing.variable.source
        if source.place in seen or source.place in excused or (missing is not None and missing.name in unset):
            continue
        wrong = _what_is_wrong(variable.name, source.value)
        if wrong:
            seen.add(source.place)
            if missing is not None:
                unset.add(missing.name)
            who = f" of {service.name}" if service is not None else ""
            yield Hit(source.place, f"{variable.name}{who} {wrong}.")


def _is_empty(use: Use) -> bool:
    return use.variable is not None and not use.variable.value.strip() and (use.start, use.end) == (0, 0)


def _what_is_wrong(name: str, value: str) -> str:
    if not value.strip():
        return "is empty"
    if not is_fernet(name):
        return (
            "holds white space"
            if re.search(r"\s", value.strip())
            else "is too short to be a key"
            if len(value) < 8
            else ""
        )
    for key in value.split(","):
        try:
            decoded = base64.b64decode(key.strip().encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return "is no Fernet key"
        if len(decoded) != 32 or len(key.strip()) != 44:
            return "is no Fernet key"
    return ""


def _reads(deployment: Deployment) -> Iterator[Hit]:
    backend = any(
        variable.value and "LocalFilesystem" not in variable.value
        for variable, _ in each_variable(deployment)
        if variable.name in ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
    )
    if backend:
        return
    known = {variable.name.upper() for variable, _ in each_variable(deployment)} | _stored(deployment)
    wanted: list[tuple[str, str, Place]] = []
    for kind in ("variable", "connection"):
        declared = deployment.file.get("airflow", f"{kind}s")
        if declared is not None:
            wanted += [(kind, node.text, node.place) for node in declared.entries()]
        else:
            wanted += [(read.kind, read.name, read.place) for read in reads_of_dags(deployment) if read.kind == kind]
    seen: set[tuple[str, str]] = set()
    for kind, name, place in wanted:
        key = f"AIRFLOW_{'VAR' if kind == 'variable' else 'CONN'}_{name.upper()}"
        if key not in known and (kind, name) not in seen:
            seen.add((kind, name))
            yield Hit(place, f"The Airflow {kind} {name} is needed, and set neither as {key} nor in a secrets file.")


def _stored(deployment: Deployment) -> set[str]:
    """Names in Airflow's secrets files: `variables.*` and `connections.*`, JSON, YAML or env."""
    found: set[str] = set()
    declared = deployment.file.get("airflow", "secrets_file")
    for source in deployment.tree.sources:
        stem = source.path.stem.lower()
        kinds = [("VAR", r"variables?"), ("CONN", r"connections?")]
        for short, pattern in kinds:
            if not re.fullmatch(rf"(?:airflow[-_])?{pattern}", stem) or source.path.suffix not in (
                ".json",
                ".yaml",
                ".yml",
                ".env",
            ):
                continue
            if source.path.suffix == ".env":
                found |= {f"AIRFLOW_{short}_{v.name.upper()}" for v in deployment.env_file(source).variables}
                continue
            root = parse_yaml(source).root
            found |= {f"AIRFLOW_{short}_{name.upper()}" for name, _ in root.items()} if root is not None else set()
    if (
        declared is not None
        and (source_file := deployment.tree.source(deployment.tree.resolve(declared.text))) is not None
    ):
        root = parse_yaml(source_file).root
        for part, short in (("variables", "VAR"), ("connections", "CONN")):
            node = root.get(part) if root is not None else None
            found |= {f"AIRFLOW_{short}_{name.upper()}" for name, _ in node.items()} if node is not None else set()
    return found


@check(
    "M97", "error", "Pool or queue without anybody behind it",
    why="Tasks wait for ever, without an error.",
    fix="Create the pool; start a worker for the queue.",
)  # fmt: skip
def pools_and_queues(deployment: Deployment) -> Iterator[Hit]:
    pools, queues = _pools(deployment), _queues(deployment)
    seen: set[tuple[str, str]] = set()
    for named in names_of_dags(deployment):
        known = pools if named.kind == "pool" else queues
        if known is not None and named.name not in known and (named.kind, named.name) not in seen:
            seen.add((named.kind, named.name))
            what = "which nobody creates" if named.kind == "pool" else "for which no worker is started"
            yield Hit(named.place, f"A task names the {named.kind} {named.name}, {what}.")


def _pools(deployment: Deployment) -> set[str] | None:
    """The pools there will be; None where nothing says."""
    declared = deployment.file.get("airflow", "pools")
    if declared is not None:
        return {"default_pool", *declared.words(), *(name for name, _ in declared.items())}
    texts = [service.command_text for service in deployment.services.values()]
    texts += [script.source.text for script in scripts(deployment)]
    made = {name for text in texts for name in re.findall(r"airflow\s+pools\s+set\s+[\"']?([\w.-]+)", text)}
    for source in deployment.tree.sources:
        if source.path.name in ("pools.json", "airflow_pools.json"):
            try:
                made |= set(json.loads(source.text))
            except ValueError:
                continue
    return {"default_pool", *made} if made else None


def _queues(deployment: Deployment) -> set[str] | None:
    """The queues that Celery workers listen to; None where no worker is started here."""
    found: set[str] = set()
    started = False
    for service in airflow_services(deployment):
        text = service.expand(service.command_text)
        if not re.search(r"\bcelery\s+worker\b", text):
            continue
        started = True
        match = re.search(r"(?:-q|--queues)[ =]+[\"']?([\w.,-]+)", text)
        default = service.environment.get("AIRFLOW__OPERATORS__DEFAULT_QUEUE")
        found |= set(match[1].split(",")) if match else {default.value if default is not None else "default"}
    return found if started else None
