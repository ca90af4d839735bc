"""Imports the DAGs of a deployment in a process of its own, as Airflow's DAG processor would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.airflow import dag_files, dag_folders
from dean_airflow.deployment.description.facts import each_variable, remembered
from dean_airflow.deployment.finding import NotChecked
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

DEADLINE_SECONDS = 60.0
_PROGRAM = """
import json, os, sys
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError as error:
    print("\\nDEAN " + json.dumps({"unavailable": str(error)}))
    sys.exit(0)
errors, ids = {}, []
for folder in sys.argv[1:]:
    bag = DagBag(dag_folder=folder)
    errors.update({os.path.join(folder, str(file)): text for file, text in bag.import_errors.items()})
    ids += list(bag.dags)
print("\\nDEAN " + json.dumps({"errors": {str(k): str(v) for k, v in errors.items()}, "ids": ids}))
"""
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


@dataclass(frozen=True)
class DagError:
    place: Place
    message: str


@dataclass
class DagImports:
    """`errors` of files, `dag_ids` of all that imported; `ships_dean` where DEAN's own DAGs are brought in."""

    errors: list[DagError] = field(default_factory=list)
    dag_ids: set[str] = field(default_factory=set)
    ships_dean: Place | None = None


def import_dags(deployment: Deployment) -> DagImports:
    """Imports them once. Raises NotChecked where there is no Airflow here, or importing does not end."""
    return remembered(deployment, "dag imports", lambda: _import(deployment))


def _import(deployment: Deployment) -> DagImports:
    folders = dag_folders(deployment)
    with tempfile.TemporaryDirectory(prefix="dean-dags-") as home:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, *map(str, folders)],
                capture_output=True,
                timeout=DEADLINE_SECONDS,
                check=False,
                env=_environment(deployment, home, folders),
                cwd=home,
            )
        except subprocess.TimeoutExpired:
            raise NotChecked(f"importing the DAGs took more than {DEADLINE_SECONDS:g} s") from None
    output = done.stdout.decode("utf-8", "replace")
    answer = next((line[5:] for line in output.splitlines() if line.startswith("DEAN ")), None)
    if answer is None:
        raise NotChecked("the process that imports the DAGs ended without an answer")
    result = json.loads(answer)
    if "unavailable" in result:
        raise NotChecked("there is no Airflow here to import the DAGs with")
    imports = DagImports(dag_ids=set(result["ids"]), ships_dean=_ships_dean(deployment))
    for file, text in sorted(result["errors"].items()):
        if not _is_of_this_machine(deployment, text):
            imports.errors.append(_error(deployment, Path(file), text))
    return imports


def _environment(deployment: Deployment, home: str, folders: list[Path]) -> dict[str, str]:
    """What the DAGs need and nothing of the caller's: their own variables, a scratch home, folders to import from."""
    given = {
        variable.name: variable.value
        for variable, _ in each_variable(deployment)
        if variable.name.startswith(("AIRFLOW_VAR_", "AIRFLOW_CONN_"))
    }
    paths = [*map(str, folders), *(str(folder.parent / "plugins") for folder in folders)]
    return {
        **given,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folders[0]),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _error(deployment: Deployment, file: Path, text: str) -> DagError:
    """The line is that of the last frame in the file, none if the file has none, as for a cycle."""
    frames = [int(line) for name, line in _FRAME.findall(text) if Path(name) == file]
    message = next((line for line in reversed(text.strip().splitlines()) if line.strip()), "")
    return DagError(Place(deployment.tree.name(file), frames[-1] if frames else None), message.strip())


def _is_of_this_machine(deployment: Deployment, text: str) -> bool:
    """A file that does not compile is M09's; a module that the deployment's image has, and we do not, tells nothing."""
    if re.search(r"^(?:SyntaxError|IndentationError|TabError)\b", text, re.MULTILINE):
        return True
    if re.search(
        r"VARIABLE_NOT_FOUND|no such table|AirflowNotFoundException|in get_connection\b|in get_variable", text
    ):
        return True  # what it reads is not set: M81's
    missing = _MISSING_MODULE.search(text)
    if missing is None:
        return "airflow.providers" in text.strip().splitlines()[-1]
    name = missing[1]
    if name.startswith("airflow.providers"):
        return True
    distribution = name.split(".")[0].replace("_", "[-_.]")
    return any(
        re.search(rf"(?im)^\s*[\"'-]?\s*{distribution}\b|[\s\"']{distribution}[\s\"'=\[<>~]", source.text)
        for source in deployment.tree.sources
        if source.path.name.startswith(("requirements", "Dockerfile", "pyproject", "constraints"))
    ) or any(re.search(distribution, v.value) for v, _ in each_variable(deployment) if "PIP_ADDITIONAL" in v.name)


def _ships_dean(deployment: Deployment) -> Place | None:
    for source, _ in dag_files(deployment):
        for number, line in enumerate(source.lines, 1):
            if re.match(r"\s*from\s+dean_airflow\.dags\s+import\s+\*", line):
                return source.at(number)
    return None
