"""M82, M84, M85, M99: DEAN's services and features."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.contracts import contract_of
from dean_airflow.deployment.description.deployment import Deployment, is_template
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import each_variable
from dean_airflow.deployment.description.naming import TRUE
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place

IMPORT_SECONDS = 30.0


def recorded(deployment: Deployment, ending: str) -> dict[str, Source]:
    """Recorded answers of services: `health/<service>.json`, or where `health` of dean-deployment.yaml says."""
    found: dict[str, Source] = {}
    for source in deployment.tree.sources:
        is_interface = source.name.endswith(".openapi.json")
        if (
            source.path.parent == deployment.root / "health"
            and source.name.endswith(ending)
            and is_interface == (ending == ".openapi.json")
        ):
            found[source.path.name.removesuffix(ending)] = source
    declared = deployment.file.get("health")
    for service, node in declared.items() if declared is not None else ():
        named = deployment.tree.source(deployment.tree.resolve(node.text))
        if named is not None and named.name.endswith(".openapi.json") == (ending == ".openapi.json"):
            found[service] = named
    return found


@check(
    "M82", "error", "Contract version or capability missing",
    why="DEAN calls what the service does not have.",
    fix="Upgrade the service.",
)  # fmt: skip
def contract_version(deployment: Deployment) -> Iterator[Hit]:
    for service, source in recorded(deployment, ".json").items():
        root = parse_yaml(source).root
        if root is None:
            continue
        yield from _version(deployment, service, source, root)
        offered = root.get("capabilities")
        known = set(offered.words()) if offered is not None else set()
        required = deployment.declared(service, "capabilities")
        wanted = [(node.text, node.place) for node in required.entries()] if required is not None else []
        if required is None:
            wanted = [(name, place) for name, place in _needed(deployment) if "evolution" in service.lower()]
        for name, place in wanted:
            if name not in known:
                also = (offered.named if offered is not None else source.at(),)
                yield Hit(place, f"{service} does not offer the capability {name}, says {source.name}.", also=also)


def _version(deployment: Deployment, service: str, source: Source, root: Node) -> Iterator[Hit]:
    required = deployment.declared(service, "contract")
    if required is None or not required.text:
        return
    found = root.get("contract_version") or root.get("contract") or root.get("version")
    if found is None or not found.text:
        yield Hit(
            required.place,
            f"{source.name} names no contract version; {required.text} is required.",
            also=(source.at(),),
        )
    elif not satisfies(found.text, required.text):
        what = f"{service} has contract {found.text}; {required.text} is required."
        yield Hit(found.place, what, also=(required.place,))


def satisfies(found: str, required: str) -> bool:
    """The same major version, and not older; `>=1.2` asks for that or newer of any major."""
    have, want = _numbers(found), _numbers(required)
    if not have or not want:
        return found.strip() == required.strip()
    if required.strip().startswith((">", "<", "=", "^", "~")):
        return have >= want
    return have[0] == want[0] and have >= want


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _needed(deployment: Deployment) -> Iterator[tuple[str, Place]]:
    """What the settings need of the Evolution API: a token budget needs `economy`."""
    for variable, _ in each_variable(deployment):
        if re.search(r"TOKEN_BUDGET$", variable.name) and variable.value not in ("", "0"):
            yield "economy", variable.source.place
            return


@check(
    "M84", "warning", "Feature on, URL unset",
    why="The feature fails when it is used.",
    fix="Set the URL or turn the feature off.",
)  # fmt: skip
def feature_without_url(deployment: Deployment) -> Iterator[Hit]:
    declared = deployment.file.get("features")
    pairs = {name: node.text for name, node in declared.items()} if declared is not None else None
    scopes: list[Mapping[str, Variable]] = [service.environment for service in deployment.services.values()]
    every = {variable.name: variable for variable, _ in each_variable(deployment)}
    for scope in scopes:
        every.update({name: variable for name, variable in scope.items() if name not in every})
    seen: set[Place] = set()
    for name, variable in every.items():
        if variable.value.strip().lower() not in TRUE or variable.source.place in seen:
            continue
        url = pairs.get(name) if pairs is not None else _url_of(deployment, name, every)
        if url and not any(v.name == url and v.value.strip() for v, _ in each_variable(deployment)):
            seen.add(variable.source.place)
            also = (every[url].source.place,) if url in every else ()
            yield Hit(variable.source.place, f"{name} is on, and {url} is not set.", also=also)


def _url_of(deployment: Deployment, flag: str, known: Mapping[str, Variable]) -> str:
    match = re.fullmatch(r"FEATURE_(\w+?)(?:_ENABLED)?", flag)
    if match:
        return f"{match[1]}_URL"
    match = re.fullmatch(r"(\w+)_ENABLED|ENABLE_(\w+)", flag)
    if match is None:
        return ""
    url = f"{match[1] or match[2]}_URL"
    appears = url in known or any(
        re.search(rf"^\s*{url}\s*=", source.text, re.M)
        for source in deployment.tree.sources
        if is_template(source.path.name)
    )
    return url if appears or any(r.use.name == url for r in deployment.compose.references) else ""


@check(
    "M85", "error", "Module does not import",
    why="The service that needs it does not start.",
    fix="Install it, or correct it.",
)  # fmt: skip
def module_imports(deployment: Deployment) -> Iterator[Hit]:
    wanted = [(node.text, node.place) for node in deployment.file.entries("modules")]
    if not deployment.file.has("modules"):
        for variable, _ in each_variable(deployment):
            if variable.name == "DEAN_MODULES":
                names = [part.strip() for part in variable.value.split(",") if part.strip()]
                wanted += [(name, variable.source.place) for name in names]
    wanted = list(dict.fromkeys(wanted))
    with ThreadPoolExecutor(max_workers=2) as pool:
        for (name, place), wrong in zip(
            wanted, pool.map(lambda each: _import(deployment, each[0]), wanted), strict=True
        ):
            if wrong:
                yield Hit(place, f"The module {name} does not import: {wrong}.")


def _import(deployment: Deployment, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
        return "it is no module's name"
    given = {v.name: v.value for v in deployment.variables.values() if not v.name.startswith(("PYTHON", "LD_"))}
    own = deployment.variables.get("PYTHONPATH")
    folders = [str(deployment.root), str(deployment.root / "src")]
    folders += [str(deployment.tree.resolve(part)) for part in own.value.split(":") if part] if own is not None else []
    environment = {**given, "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": os.pathsep.join(folders),
                   "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    program = "import importlib, sys; importlib.import_module(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, name],
            capture_output=True,
            timeout=IMPORT_SECONDS,
            check=False,
            env=environment,
            cwd=deployment.root,
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {IMPORT_SECONDS:g} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    kind = re.match(r"[\w.]+", lines[-1]) if lines else None
    missing = re.search(r"No module named '[\w.]+'", lines[-1]) if lines else None
    return missing[0] if missing else (kind[0] if kind else f"it ended with {done.returncode}")


@check(
    "M99", "error", "Interface differs from the contract",
    why="DEAN's calls to the service fail.",
    fix="Upgrade the service.",
)  # fmt: skip
def interface_differs(deployment: Deployment) -> Iterator[Hit]:
    for service, source in recorded(deployment, ".openapi.json").items():
        try:
            document = json.loads(source.text)
        except ValueError:
            yield Hit(source.at(), f"{source.name} is no JSON, so the interface of {service} is not known.")
            continue
        root = parse_yaml(source).root
        operations = _operations(document)
        paths = root.get("paths") if root is not None else None
        for method, path, fields in contract_of(service):
            offered = operations.get((method, path))
            if offered is None:
                place = paths.named if paths is not None else source.at()
                also = (_path_place(root, path), source.at())
                shown = path.replace("{}", "{id}")
                yield Hit(place, f"{service} has no {method} {shown}.", also=tuple(p for p in also if p is not None))
                continue
            for name in sorted(offered[0] - fields):
                place = _required_place(root, offered[1], name) or source.at()
                shown = path.replace("{}", "{id}")
                yield Hit(place, f"{method} {shown} of {service} demands {name}, which the contract does not have.")


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], tuple[set[str], str]]:
    """Demanded fields and the component's name by method and path; a path counts below /api/v1, too."""
    found: dict[tuple[str, str], tuple[set[str], str]] = {}
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        plain = re.sub(r"\{[^}]*\}", "{}", path.removeprefix("/api/v1")) or "/"
        for method, operation in item.items() if isinstance(item, dict) else ():
            if not isinstance(operation, dict):
                continue
            demanded, component = _demanded(document, operation)
            key = (method.upper(), plain)
            if key not in found or not path.startswith("/api/v1"):
                found[key] = (demanded, component)
    return found


def _demanded(document: dict[str, Any], operation: dict[str, Any]) -> tuple[set[str], str]:
    demanded: set[str] = set()
    for parameter in operation.get("parameters") or ():
        if isinstance(parameter, dict) and parameter.get("required") and parameter.get("in") == "query":
            demanded.add(str(parameter.get("name")))
    content = (operation.get("requestBody") or {}).get("content") or {}
    schema = (content.get("application/json") or {}).get("schema") or {}
    component = ""
    if "$ref" in schema:
        component = str(schema["$ref"]).rpartition("/")[2]
        schema = ((document.get("components") or {}).get("schemas") or {}).get(component) or {}
    return demanded | {str(name) for name in schema.get("required") or ()}, component


def _path_place(root: Node | None, path: str) -> Place | None:
    """Where a path is written, for one whose method is missing."""
    paths = root.get("paths") if root is not None else None
    for name, node in paths.items() if paths is not None else ():
        if re.sub(r"\{[^}]*\}", "{}", name.removeprefix("/api/v1")) == path:
            return node.named
    return None


def _required_place(root: Node | None, component: str, name: str) -> Place | None:
    for node in root.walk() if root is not None else ():
        required = node.get("required")
        for entry in required.value if required is not None and required.is_list else ():
            if entry.text == name:
                return Place(entry.place.file, entry.place.line)
    return None
