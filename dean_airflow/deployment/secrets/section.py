"""The `secrets` of `dean-deployment.yaml`: which there are, where each lives, who accepts it, who reads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.interpolation import fill
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.place import Place, Problem
from dean_airflow.deployment.secrets.generate import LONGEST, SHORTEST, USUAL
from dean_airflow.errors import DeploymentError

KINDS = ("value", "pgpass", "signing_keys", "airflow_variable", "airflow_connection")
KEYS = frozenset(
    {"rotated", "kind", "file", "variable", "length", "readers", "overlap", "postgres"}
    | {"allow", "refuse", "check", "accepted_by"}
)


@dataclass(frozen=True)
class SecretFacts:
    """`variable` is its name in `file`; `postgres` the address whose role it is the password of; `allow`, `refuse` and
    `check` are programs that tell, and ask, whoever accepts it; `accepted_by` addresses by audience. `overlap` is None
    where the caller decides.
    """

    name: str
    place: Place
    kind: str = "value"
    file: str = ""
    variable: str = ""
    length: int = USUAL
    readers: tuple[str, ...] = ()
    overlap: timedelta | None = None
    postgres: str = ""
    allow: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    accepted_by: Mapping[str, str] | None = None


def secret_facts(deployment: Deployment, name: str, variables: Mapping[str, str] | None = None) -> SecretFacts:
    """What is said of one secret; `variables` are further ones that it may name.

    Raises DeploymentError: it is not declared, or wrongly.
    """
    section = deployment.file.get("secrets")
    node = section.get(name) if section is not None else None
    if section is None or node is None:
        known = ", ".join(each for each, _ in section.items()) if section is not None else ""
        raise DeploymentError(
            f"`secrets` of dean-deployment.yaml does not name {name}" + (f"; it names {known}." if known else ".")
        )
    found, problems = read_secret(deployment, name, node, variables)
    if problems:
        raise DeploymentError(" ".join(f"{problem.place}: {problem.what}" for problem in problems))
    return found


def read_secrets(deployment: Deployment) -> list[Problem]:
    """What is wrong with the whole section."""
    section = deployment.file.get("secrets")
    if section is None or section.value is None:
        return []
    if not section.is_map:
        return [Problem("M44", section.place, "`secrets` must be a mapping of names to facts.")]
    return [problem for name, node in section.items() for problem in read_secret(deployment, name, node)[1]]


def read_secret(
    deployment: Deployment, name: str, node: Node, variables: Mapping[str, str] | None = None
) -> tuple[SecretFacts, list[Problem]]:
    given = {each: Variable(each, value, Place("the deployment")) for each, value in (variables or {}).items()}
    known = {**deployment.variables, **given}
    problems: list[Problem] = []
    values: dict[str, object] = {}
    if node.value is not None and not node.is_map:
        return SecretFacts(name, node.place), [Problem("M44", node.place, f"The secret {name} must be a mapping.")]
    for key, child in node.items():
        read = _READERS.get(key)
        if key not in KEYS:
            problems.append(Problem("M44", child.named, f"The secret {name} has a key `{key}` that nothing reads."))
        elif read is not None:
            try:
                values[key] = read(child, lambda text: fill(text, known).text)
            except ValueError as error:
                problems.append(Problem("M44", child.place, f"`{key}` of the secret {name} {error}."))
    values.setdefault("variable", name)
    facts = SecretFacts(name, node.place, **values)  # type: ignore[arg-type]
    if (facts.refuse or facts.check) and not facts.allow:
        what = f"The secret {name} has programs that refuse or check it, and none to `allow` it."
        problems.append(Problem("M44", node.place, what))
    if facts.postgres and facts.allow:
        what = f"The secret {name} is accepted by `postgres` or by who is told with `allow`; name one of them."
        problems.append(Problem("M44", node.place, what))
    return facts, problems


Fill = Callable[[str], str]


def _text(node: Node, filled: Fill) -> str:
    if node.is_map or node.is_list or not node.text.strip():
        raise ValueError("must be a text")
    return filled(node.text)


def _kind(node: Node, filled: Fill) -> str:
    if node.text not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}")
    return node.text


def _length(node: Node, filled: Fill) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int) or not SHORTEST <= node.value <= LONGEST:
        raise ValueError(f"must be a whole number from {SHORTEST} to {LONGEST}")
    return node.value


def _overlap(node: Node, filled: Fill) -> timedelta:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number of seconds")
    if not 0 <= value <= 30 * 86_400:
        raise ValueError("must be from 0 to 30 days, in seconds")
    return timedelta(seconds=value)


def _names(node: Node, filled: Fill) -> tuple[str, ...]:
    if node.is_map or any(child.is_map or child.is_list for child in node.entries()):
        raise ValueError("must be a list of names")
    return tuple(node.words())


def _command(node: Node, filled: Fill) -> tuple[str, ...]:
    words = node.words()
    if not node.is_list or not words or any(child.is_map or child.is_list for child in node.entries()) or not words[0]:
        raise ValueError("must be a list: the program, then each of its arguments; no shell reads it")
    return tuple(words)


def _addresses(node: Node, filled: Fill) -> dict[str, str]:
    found = {name: filled(child.text) for name, child in node.items()}
    if not found or not all(url.startswith(("http://", "https://")) for url in found.values()):
        raise ValueError("must be a mapping of audiences to http addresses")
    return found


_READERS: dict[str, Callable[[Node, Fill], object]] = {
    "kind": _kind,
    "file": _text,
    "variable": _text,
    "length": _length,
    "readers": _names,
    "overlap": _overlap,
    "postgres": _text,
    "allow": _command,
    "refuse": _command,
    "check": _command,
    "accepted_by": _addresses,
}
