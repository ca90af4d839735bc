"""M50 and M51: image tags, and tools that an image lacks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.dockerfile import Dockerfile
from dean_airflow.deployment.description.facts import base_image, dockerfile_of, remembered
from dean_airflow.deployment.description.image_tools import has_tool
from dean_airflow.deployment.description.images import parse_image
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.place import Place

_SEPARATORS = re.compile(r"\|\||&&|[;|&\n]|\$\(|`")
_NOT_COMMANDS = frozenset(
    {
        "exit",
        "test",
        "[",
        "[[",
        "true",
        "false",
        "echo",
        "if",
        "then",
        "fi",
        "else",
        "!",
        "return",
        "cd",
        "export",
        "set",
    }
    | {"for", "do", "done", "while", "in", "}", "{", "]", "]]", "eval", "exec", "command", "timeout", "sh", "/bin/sh"}
)
_PREFIXES = frozenset(
    {"exec", "timeout", "if", "!", "then", "while", "command", "gosu", "su-exec", "nice", "do", "else"}
)


@check(
    "M50", "warning", "Image not pinned",
    why="Two machines, or two days, run different programs under one name.",
    fix="Name a version or a digest.",
)  # fmt: skip
def image_not_pinned(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for service in deployment.services.values():
        node = service.get("image")
        if node is not None and not service.is_built and _is_loose(node.text) and node.place not in seen:
            seen.add(node.place)
            sources = tuple(use.variable.source.place for use in node.uses if use.variable is not None)
            yield Hit(node.place, f"{service.name} runs {node.text}, which names no version.", also=sources)
    for dockerfile in _dockerfiles(deployment):
        names = {name for _, name, _ in dockerfile.stages if name}
        for image, _, place in dockerfile.stages:
            if image not in names and image != "scratch" and _is_loose(image) and place not in seen:
                seen.add(place)
                yield Hit(place, f"{dockerfile.source.name} is based on {image}, which names no version.")


def _is_loose(image: str) -> bool:
    if not image or "$" in image:
        return False
    parsed = parse_image(image)
    return not parsed.digest and parsed.tag in ("", "latest")


def _dockerfiles(deployment: Deployment) -> list[Dockerfile]:
    def find() -> list[Dockerfile]:
        found = {}
        for service in deployment.services.values():
            dockerfile = dockerfile_of(deployment, service)
            if dockerfile is not None:
                found[dockerfile.source.name] = dockerfile
        return list(found.values())

    return remembered(deployment, "dockerfiles", find)


@check(
    "M51", "error", "Health check's tool not in the image",
    why="The health check fails for ever, so the service never counts as healthy.",
    fix="Use a tool that the image has, or install it.",
)  # fmt: skip
def tool_missing(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        dockerfile = dockerfile_of(deployment, service)
        if service.is_built and dockerfile is None:
            continue
        image = base_image(deployment, service)
        for tool, place in _tools(service, dockerfile):
            if has_tool(image, tool) is not False:
                continue
            if dockerfile is not None and dockerfile.has_installed(tool):
                continue
            yield Hit(place, f"The health check of {service.name} calls {tool}, which {image} does not have.")
            break


def _tools(service: Service, dockerfile: Dockerfile | None) -> Iterator[tuple[str, Place]]:
    test = service.health_test
    if test is not None:
        words = test.words()
        entries = list(test.entries())
        if not entries:
            return
        if words[:1] == ["CMD"]:
            yield from _of_command(words[1:], entries[min(1, len(entries) - 1)].place)
        else:
            entry = entries[-1]
            for tool in commands_of(entry.text):
                yield tool, entry.place
    elif (
        dockerfile is not None and dockerfile.health_check is not None and service.get("healthcheck", "disable") is None
    ):
        check = dockerfile.health_check
        rest = re.sub(r"^(?:--\S+\s+)*CMD\s+", "", check.rest)
        if rest.startswith("["):
            yield from _of_command(re.findall(r'"([^"]*)"', rest), check.place)
        else:
            for tool in commands_of(rest):
                yield tool, check.place


def _of_command(words: list[str], place: Place) -> Iterator[tuple[str, Place]]:
    if not words:
        return
    tool = words[0].rpartition("/")[2]
    yield tool, place
    if tool in ("sh", "bash") and "-c" in words[:-1]:
        for inner in commands_of(words[words.index("-c") + 1]):
            yield inner, place


def commands_of(text: str) -> list[str]:
    """The commands of a shell line, without builtins and assignments."""
    found = []
    for part in _SEPARATORS.split(text):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        while words and (re.match(r"\w+=", words[0]) or words[0] in _PREFIXES or re.fullmatch(r"-\w+|\d+s?", words[0])):
            words = words[1:]
        if not words:
            continue
        tool = words[0].rpartition("/")[2]
        if tool in ("sh", "bash") and "-c" in words[:-1]:
            found += [*([tool] if tool == "bash" else []), *commands_of(words[words.index("-c") + 1])]
        elif tool not in _NOT_COMMANDS and re.fullmatch(r"[\w.-]+", tool):
            found.append(tool)
    return found
