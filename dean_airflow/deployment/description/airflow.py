"""Airflow inside a deployment: which services run it, where its DAGs lie, what they read and name."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import kind, remembered
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_TEMPLATED = re.compile(r"\{\{\s*(var\.value|var\.json|conn)\.(\w+)")


def airflow_services(deployment: Deployment) -> list[Service]:
    """Services with Airflow's image, or that are given its settings."""
    return [
        service
        for service in deployment.services.values()
        if kind(deployment, service) == "airflow"
        or any(re.match(r"AIRFLOW__(?:CORE|DATABASE|API|SCHEDULER|CELERY)__", name) for name in service.environment)
    ]


def dag_folders(deployment: Deployment) -> list[Path]:
    """Directories whose files Airflow parses: mounted at `dags`, or `dags/` beside the compose file."""
    found: list[Path] = []
    services = airflow_services(deployment)
    for service in services:
        for mount in service.mounts:
            if mount.path is not None and mount.target.rstrip("/").endswith("/dags") and mount.path.is_dir():
                found.append(mount.path)  # noqa: PERF401
    beside = deployment.root / "dags"
    if not found and beside.is_dir() and (services or deployment.file.has("airflow")):
        found.append(beside)
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class DagRead:
    """A variable or connection that a DAG reads without a default."""

    kind: str
    name: str
    place: Place


@dataclass(frozen=True)
class DagNames:
    """A pool or queue that a task of a DAG names."""

    kind: str
    name: str
    place: Place


def dag_files(deployment: Deployment) -> list[tuple[Source, ast.Module]]:
    """The Python files of DAG folders that compile."""

    def read() -> list[tuple[Source, ast.Module]]:
        folders = dag_folders(deployment)
        found = []
        for source in deployment.tree.sources:
            if source.path.suffix == ".py" and any(source.path.is_relative_to(folder) for folder in folders):
                try:
                    found.append((source, ast.parse(source.text)))
                except (SyntaxError, ValueError, RecursionError):
                    continue
        return found

    return remembered(deployment, "dag files", read)


def reads_of_dags(deployment: Deployment) -> list[DagRead]:
    """What deployed DAGs read: `Variable.get("x")` without default, `get_connection("x")`, templates."""
    found = []
    for source, module in dag_files(deployment):
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                first = _text(node.args[0]) if node.args else _text(_keyword(node, "key", "conn_id", "key_name"))
                of_variable = (
                    isinstance(owner, ast.Name)
                    and owner.id == "Variable"
                    and node.func.attr in ("get", "get_variable_from_secrets")
                )
                if of_variable and first and len(node.args) < 2 and _keyword(node, "default_var", "default") is None:
                    found.append(DagRead("variable", first, source.at(node.lineno)))
                elif node.func.attr == "get_connection" and first:
                    found.append(DagRead("connection", first, source.at(node.lineno)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                for what, name in _TEMPLATED.findall(node.value):
                    kind_of = "connection" if what == "conn" else "variable"
                    if name != "get":
                        found.append(DagRead(kind_of, name, source.at(node.lineno)))
    return found


def names_of_dags(deployment: Deployment) -> list[DagNames]:
    """Pools and queues that tasks name, in calls and in `default_args`."""
    found = []
    for source, module in dag_files(deployment):
        for node in ast.walk(module):
            pairs: list[tuple[str, ast.expr]] = []
            if isinstance(node, ast.Call):
                pairs = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
            elif isinstance(node, ast.Dict):
                pairs = [(_text(k) if k is not None else "", v) for k, v in zip(node.keys, node.values, strict=True)]
            for name, value in pairs:
                text = _text(value)
                if name in ("pool", "queue") and text:
                    found.append(DagNames(name, text, source.at(value.lineno)))
    return found


def _keyword(node: ast.Call, *names: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
