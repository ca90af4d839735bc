"""M75: the Python that will run it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import dockerfile_of
from dean_airflow.deployment.description.images import parse_image
from dean_airflow.deployment.finding import Severity
from dean_airflow.deployment.place import Place

OLDEST = (3, 10)
ADVISED = (3, 11)


@check(
    "M75", "error", "Python too old",
    why="DEAN and Airflow 3 do not run on it, or lose its support soon.",
    fix="Use Python 3.11 or newer.",
)  # fmt: skip
def python_version(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    found = [(place, version, what, ()) for place, version, what in _files(deployment)]
    for place, version, what, also in [*found, *_images(deployment)]:
        severity = _severity(version)
        if severity is not None and place not in seen:
            seen.add(place)
            yield Hit(place, f"{what} is Python {version[0]}.{version[1]}.", severity, also=also)
    running = _severity(sys.version_info[:2])
    if running is not None:
        yield Hit(
            Place("."), f"The running interpreter is Python {sys.version_info[0]}.{sys.version_info[1]}.", running
        )


def _severity(version: tuple[int, int]) -> Severity | None:
    if version < OLDEST:
        return "error"
    return "warning" if version < ADVISED else None


def _files(deployment: Deployment) -> Iterator[tuple[Place, tuple[int, int], str]]:
    for source in deployment.tree.sources:
        if source.path.name == ".python-version":
            for number, line in enumerate(source.lines, 1):
                match = re.match(r"\s*(?:cpython-|python-)?(\d+)\.(\d+)", line)
                if match:
                    yield source.at(number), (int(match[1]), int(match[2])), source.name
        elif source.path.name == "pyproject.toml":
            newest = _newest_admitted(source.text)
            lines = [n for n, line in enumerate(source.lines, 1) if re.match(r"\s*requires-python\s*=", line)]
            if newest is not None and lines:
                yield source.at(lines[0]), newest, f"The newest that {source.name} admits"
        elif source.path.name == "runtime.txt" and (match := re.match(r"\s*python-(\d+)\.(\d+)", source.text)):
            yield source.at(1), (int(match[1]), int(match[2])), source.name


def _newest_admitted(text: str) -> tuple[int, int] | None:
    """The newest minor version that `requires-python` admits, None where nothing bounds it."""
    try:
        wanted = str(tomllib.loads(text).get("project", {}).get("requires-python", ""))
    except (tomllib.TOMLDecodeError, AttributeError):
        return None
    newest: tuple[int, int] | None = None
    for operator, major, minor, patch in re.findall(r"(<=|<|==|~=)\s*(\d+)(?:\.(\d+))?(\.[\d*]+)?", wanted):
        if not minor:
            bound = (int(major) - 1, 99) if operator == "<" else (int(major), 99)
        elif operator == "<" and patch in ("", ".0"):
            bound = (int(major), int(minor) - 1)
        elif operator == "~=" and not patch:
            bound = (int(major), 99)
        else:
            bound = (int(major), int(minor))
        newest = bound if newest is None or bound < newest else newest
    return newest if newest is not None and newest[1] < 99 else None


def _images(deployment: Deployment) -> Iterator[tuple[Place, tuple[int, int], str, tuple[Place, ...]]]:
    for service in deployment.services.values():
        if not service.is_built:
            version = _python_of(service.image)
            if version is not None:
                yield service.at("image"), version, f"The image of {service.name}", ()
            continue
        dockerfile = dockerfile_of(deployment, service)
        if dockerfile is None:
            continue
        for image, _, place in dockerfile.stages:
            version = _python_of(image)
            if version is not None:
                yield place, version, f"The base of {service.name}", dockerfile.argument_of(place)


def _python_of(image: str) -> tuple[int, int] | None:
    parsed = parse_image(image)
    tag = (
        re.match(r"(\d+)\.(\d+)", parsed.tag)
        if parsed.name == "python"
        else re.search(r"python-?(\d+)\.(\d+)", parsed.tag)
    )
    return (int(tag[1]), int(tag[2])) if tag else None
