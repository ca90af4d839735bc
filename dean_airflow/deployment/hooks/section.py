"""The `hooks` section: which programs run when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dean_airflow.deployment.description.deployment_file import DeploymentFile
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.place import Place, Problem
from dean_airflow.errors import DeploymentError

NAMES = ("pre_deploy", "post_deploy", "backup")
TIMEOUT = 60.0
LONGEST = 3600.0
_KEYS = ("command", "timeout", "variables")


@dataclass(frozen=True, slots=True)
class Hook:
    """`command` is a program with its arguments; `timeout` in seconds; `variables` are names of those it is given."""

    name: str
    place: Place
    command: tuple[str, ...]
    timeout: float = TIMEOUT
    variables: tuple[str, ...] = ()


def hooks_of(file: DeploymentFile, name: str) -> list[Hook]:
    """The hooks of one name, in order. Raises DeploymentError that names every mistake of the section."""
    node = file.get("hooks")
    if node is None:
        return []
    hooks, problems = read_hooks(node)
    if problems:
        raise DeploymentError(" ".join(f"{problem.place}: {problem.what}" for problem in problems))
    return [hook for hook in hooks if hook.name == name]


def read_hooks(node: Node) -> tuple[list[Hook], list[Problem]]:
    """Every hook of the section, and what is wrong with it."""
    hooks: list[Hook] = []
    problems: list[Problem] = []
    if node.value is not None and not node.is_map:
        return [], [Problem("M44", node.place, "`hooks` must be a mapping of names to commands.")]
    for name, child in node.items():
        if name not in NAMES:
            what = f"There is no hook `{name}`; there are {', '.join(NAMES)}."
            problems.append(Problem("M44", child.named, what))
            continue
        for entry in _entries(child):
            try:
                hooks.append(_hook(name, entry))
            except ValueError as error:
                problems.append(Problem("M44", entry.place, f"The hook {name} {error}."))
    return hooks, problems


def _entries(node: Node) -> list[Node]:
    """One command, or a list of them: a list of texts is one command with its arguments."""
    if node.is_list and node.value and all(entry.is_list or entry.is_map for entry in node.value):
        return list(node.value)
    return [node]


def _hook(name: str, node: Node) -> Hook:
    if not node.is_map:
        return Hook(name, node.place, _command(node))
    for key, child in node.items():
        if key not in _KEYS:
            raise ValueError(f"has a key `{key}` that nothing reads ({child.named})")
    command = node.get("command")
    if command is None:
        raise ValueError("has no `command`")
    hook = Hook(name, node.place, _command(command))
    timeout, variables = node.get("timeout"), node.get("variables")
    if timeout is not None:
        hook = replace(hook, timeout=_seconds(timeout))
    if variables is not None:
        if variables.is_map or any(entry.is_map or entry.is_list for entry in variables.entries()):
            raise ValueError("must list the names of its `variables`")
        hook = replace(hook, variables=tuple(variables.words()))
    return hook


def _command(node: Node) -> tuple[str, ...]:
    if not node.is_list:
        raise ValueError("must be a list: the program, then each of its arguments; no shell reads it")
    if not node.value or any(entry.is_list or entry.is_map or entry.value is None for entry in node.value):
        raise ValueError("must be a list of texts that begins with a program")
    command = tuple(entry.text for entry in node.value)
    if not command[0] or any("\0" in word for word in command):
        raise ValueError("must be a list of texts that begins with a program")
    return command


def _seconds(node: Node) -> float:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must have a number of seconds as its `timeout`")
    if not 0 < value <= LONGEST:
        raise ValueError(f"must have a `timeout` above 0 and of at most {LONGEST:g} s")
    return float(value)
