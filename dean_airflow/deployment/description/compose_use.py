"""How scripts and Makefiles call compose: with which files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import is_container_script, remembered, scripts
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_CALL = re.compile(r"\bdocker(?:-|\s+)compose\b(.*)")
_FILE = re.compile(r"(?:^|\s)(?:-f|--file)(?:\s+|=)[\"']?([^\s\"';&|]+)")
_LEADING_VARIABLE = re.compile(r"^\$\{?\w+\}?/|^\$\([^)]*\)/")


@dataclass(frozen=True)
class ComposeCommand:
    """One call; `files` those it names that were found, `missing` the names of those that were not."""

    source: Source
    place: Place
    text: str
    files: tuple[Path, ...]
    missing: tuple[str, ...]


def compose_commands(deployment: Deployment) -> list[ComposeCommand]:
    """Every call of compose in a script of the host or a Makefile."""
    return remembered(deployment, "compose commands", lambda: list(_commands(deployment)))


def _commands(deployment: Deployment) -> Iterator[ComposeCommand]:
    for script in scripts(deployment):
        if is_container_script(deployment, script.source.path):
            continue
        for line in script.logical_lines:
            yield from _in_line(deployment, script.source, line.number, line.text)
    for source in deployment.tree.sources:
        if source.path.name in ("Makefile", "makefile", "justfile", "Justfile") or source.path.suffix == ".mk":
            for number, text in enumerate(source.lines, 1):
                if not text.lstrip().startswith("#"):
                    yield from _in_line(deployment, source, number, text)


def _in_line(deployment: Deployment, source: Source, number: int, text: str) -> Iterator[ComposeCommand]:
    match = _CALL.search(text)
    if match is None:
        return
    options = re.split(r"\s(?:up|down|run|exec|logs|pull|build|config|ps|restart|stop|start|rm|cp)\b", match[1])[0]
    found, missing = [], []
    for name in _FILE.findall(options):
        path = find_from_script(deployment, source, name)
        if path is not None:
            found.append(path)
        elif "$" not in _LEADING_VARIABLE.sub("", name) and name != "-":
            missing.append(name)
    yield ComposeCommand(source, source.at(number), text, tuple(found) if not missing else (), tuple(missing))


def find_from_script(deployment: Deployment, source: Source, name: str) -> Path | None:
    """A file that a script names: from the deployment's directory, the script's own, or the one above that."""
    plain = _LEADING_VARIABLE.sub("", name)
    folder = source.path.parent
    for base in (deployment.root, folder, folder.parent):
        path = deployment.tree.resolve(plain, base)
        if path.is_file():
            return path
    return None
