"""Templates of a deployment: which there are, what may be named in them, and what comes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.tree import Source
from dean_airflow.errors import DeploymentError

SUFFIX = ".j2"
MEGABYTES = 512
SECONDS = 10
"""Of processor time for all templates of a deployment; the clock may take three times as long."""
OUTPUT = 4 * 1024 * 1024
"""Characters of one rendered file: a longer one would not be read as a configuration either."""
_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Rendered:
    """`name` is the file it becomes, relative to the deployment: the template's without `.j2`."""

    name: str
    template: str
    text: str


def render_templates(deployment: Deployment, variables: Mapping[str, Any]) -> list[Rendered]:
    """The deployment's templates with `template_vars` and `variables` (which win) filled in.

    They are the files that `templates` of `dean-deployment.yaml` names. Raises DeploymentError with the file and line:
    an undefined variable, one that tries to reach the system, bad syntax, a missing file, too much of anything.
    """
    sources = template_sources(deployment)
    if not sources:
        return []
    named = deployment.file.get("template_vars")
    if named is not None and named.value is not None and not named.is_map:
        raise DeploymentError(f"{named.place}: `template_vars` must be a mapping of names to values.")
    known = {**(named.plain() or {} if named is not None else {}), **variables}
    texts = render_texts([(source.name, source.text) for source in sources], known)
    return [
        Rendered(source.name.removesuffix(SUFFIX), source.name, text)
        for source, text in zip(sources, texts, strict=True)
    ]


def template_sources(deployment: Deployment) -> list[Source]:
    """The files that `templates` names. Raises DeploymentError for one that is missing, or not to be rendered."""
    found = []
    for node in deployment.file.entries("templates"):
        path = deployment.tree.resolve(node.text)
        if not node.text.endswith(SUFFIX):
            raise DeploymentError(f"{node.place}: the template {node.text!r} must end in {SUFFIX}.")
        if not path.is_relative_to(deployment.root) or deployment.tree.is_escape(path):
            raise DeploymentError(f"{node.place}: the template {node.text} lies outside the deployment.")
        source = deployment.tree.source(path)
        if source is None:
            raise DeploymentError(f"{node.place}: the template {node.text} is missing, or is no file that can be read.")
        found.append(source)
    return found


def render_texts(templates: Sequence[tuple[str, str]], variables: Mapping[str, Any]) -> list[str]:
    """The texts of (name, text) pairs, rendered. Blocks for some 0.2 s. Raises DeploymentError as above."""
    asked = json.dumps({"variables": dict(variables), "templates": list(templates)}, default=str)
    command = [sys.executable, "-I", str(_CHILD), str(MEGABYTES), str(SECONDS), str(OUTPUT)]
    try:
        done = subprocess.run(
            command, input=asked.encode(), capture_output=True, timeout=3 * SECONDS, env={}, cwd="/", close_fds=True
        )
    except subprocess.TimeoutExpired:
        raise DeploymentError(f"{_names(templates)}: the templates take longer than {3 * SECONDS} s.") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise DeploymentError(
            f"{_names(templates)}: the templates take more than {SECONDS} s of processor time or {MEGABYTES} MiB."
        ) from None
    if "rendered" not in answer:
        raise DeploymentError(_sentence(answer))
    texts: list[str] = answer["rendered"]
    return texts


def _sentence(answer: Mapping[str, Any]) -> str:
    place = f"{answer['name']}:{answer['line']}" if answer["line"] else answer["name"]
    what = answer["what"]
    return {
        "undefined": f"{place}: the template names `{what}`, which is not defined; set it in `template_vars`.",
        "system": f"{place}: the template tries to reach what a template may not.",
        "syntax": f"{place}: the template cannot be read: {what}",
        "size": f"{place}: the template becomes too large.",
        "other": f"{place}: the template cannot be rendered ({what}).",
    }[answer["problem"]]


def _names(templates: Sequence[tuple[str, str]]) -> str:
    return ", ".join(name for name, _ in templates)
