"""How releases are to be compared: the `canary` section of `dean-deployment.yaml`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from dean_airflow.deployment.canary.metric import ERROR_RATE, LATENCY, MEASURED, Direction, Kind, Metric
from dean_airflow.deployment.description.deployment_file import DeploymentFile
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.place import Problem
from dean_airflow.errors import DeploymentError

OnInconclusive = Literal["fail", "pass"]
FEWEST = 10
"""Samples below which no rank test can be significant at any error worth having."""
_NAME = re.compile(r"[A-Za-z_][\w.:-]*")


@dataclass(frozen=True, slots=True)
class CanaryPolicy:
    """`samples` are taken of each release, each of so many `requests` to `path`, `interval` seconds apart; below
    `minimum` nothing is decided. `alpha` is the error of the whole judgement. Metrics whose share of the weights is
    above `failure_limit` fail the release, or leave it open above `inconclusive_limit`.

    `services` are those that are compared, empty for all that answer requests; `timeout` seconds end a request, and
    `deadline` seconds the sampling. `on_inconclusive` is what the deployer does about such a verdict.
    """

    metrics: tuple[Metric, ...] = (LATENCY, ERROR_RATE)
    services: tuple[str, ...] = ()
    path: str = "/health"
    samples: int = 50
    minimum: int = 50
    requests: int = 9
    interval: float = 0.0
    timeout: float = 5.0
    deadline: float = 300.0
    alpha: float = 0.01
    failure_limit: float = 0.0
    inconclusive_limit: float = 0.0
    on_inconclusive: OnInconclusive = "fail"


def canary_policy(file: DeploymentFile) -> CanaryPolicy | None:
    """What a deployment asks for, None where it compares nothing. Raises DeploymentError that names every mistake."""
    node = file.get("canary")
    if node is None:
        return None
    policy, problems = read_canary(node)
    if problems:
        raise DeploymentError(" ".join(f"{problem.place}: {problem.what}" for problem in problems))
    return policy


def read_canary(node: Node) -> tuple[CanaryPolicy, list[Problem]]:
    """The section as a policy, and what is wrong with it. An empty section is the defaults."""
    reader = _Reader()
    if node.value is not None and not node.is_map:
        return CanaryPolicy(), [Problem("M44", node.place, "`canary` must be a mapping.")]
    values = reader.fields(node, _POLICY, "canary")
    metrics = node.get("metrics")
    if metrics is not None:
        values["metrics"] = reader.metrics(metrics)
    policy = replace(CanaryPolicy(), **values)
    if "samples" in values and "minimum" not in values:
        policy = replace(policy, minimum=policy.samples)
    if policy.minimum > policy.samples:
        place = (node.get("minimum") or node.get("samples") or node).place
        what = f"`minimum` of canary is {policy.minimum}, more than the {policy.samples} samples that are taken."
        reader.problems.append(Problem("M44", place, what))
    return policy, reader.problems


@dataclass
class _Reader:
    problems: list[Problem] = field(default_factory=list)

    def fields(self, node: Node, known: dict[str, Callable[[Node], Any]], where: str) -> dict[str, Any]:
        values = {}
        for name, child in node.items():
            read = known.get(name)
            if read is None:
                if name not in _ELSEWHERE.get(where, ()):
                    self._add(child.named, f"{where} has a key `{name}` that nothing reads.")
                continue
            try:
                values[name] = read(child)
            except ValueError as error:
                self._add(child.place, f"`{name}` of {where} {error}.")
        return values

    def metrics(self, node: Node) -> tuple[Metric, ...]:
        """Of a mapping of names to their keys, or of a list of names."""
        found = [metric for name, child in _named(node) if (metric := self._metric(name, child)) is not None]
        if not found and not self.problems:
            self._add(node.place, "`metrics` of canary names none; leave the key out for latency and error_rate.")
        return tuple(found) or CanaryPolicy().metrics

    def _metric(self, name: str, node: Node) -> Metric | None:
        if not _NAME.fullmatch(name):
            self._add(node.named, f"{name!r} is no name of a metric.")
            return None
        if node.is_list or (node.value is not None and not node.is_map and node.text != name):
            self._add(node.place, f"The canary metric {name} must be a mapping.")
            return None
        kind = node.get("kind")
        base = MEASURED.get(name) or (
            replace(ERROR_RATE, name=name, critical=False) if _is_rate(kind) else Metric(name)
        )
        metric = replace(base, **self.fields(node, _METRIC, f"the canary metric {name}"))
        if name not in MEASURED and not metric.series:
            known = " and ".join(MEASURED)
            self._add(node.named, f"The canary metric {name} needs a `series`: only {known} are measured without.")
            return None
        if name in MEASURED and not metric.series and metric.kind != MEASURED[name].kind:
            self._add(node.place, f"`kind` of the canary metric {name} is {MEASURED[name].kind}; leave it out.")
        if metric.ignored >= metric.tolerance:
            what = f"`ignored` of the canary metric {name} is {metric.ignored:g}, not below its tolerance."
            self._add(node.place, what)
        return metric

    def _add(self, place: Any, what: str) -> None:
        self.problems.append(Problem("M44", place, what))


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    if node.is_map:
        yield from node.items()
    else:
        yield from ((child.text, child) for child in node.entries())


def _is_rate(kind: Node | None) -> bool:
    return kind is not None and kind.text == "rate"


def _number(low: float, high: float) -> Callable[[Node], float]:
    def read(node: Node) -> float:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("must be a number")
        if not low <= value <= high:
            raise ValueError(f"must be from {low:g} to {high:g}")
        return float(value)

    return read


def _count(low: int, high: int) -> Callable[[Node], int]:
    def read(node: Node) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return read


def _word(*words: str) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        if node.text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return node.text

    return read


def _switch(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise ValueError("must be true or false")
    return node.value


def _text(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value.strip():
        raise ValueError("must be a text")
    return node.value.strip()


def _path(node: Node) -> str:
    text = _text(node)
    if not text.startswith("/") or any(character.isspace() for character in text):
        raise ValueError("must be a path that begins with /")
    return text


def _texts(node: Node) -> tuple[str, ...]:
    if node.is_map or any(child.is_map or child.is_list for child in node.entries()):
        raise ValueError("must be a list of names")
    return tuple(node.words())


_POLICY: dict[str, Callable[[Node], Any]] = {
    "services": _texts,
    "path": _path,
    "samples": _count(FEWEST, 100_000),
    "minimum": _count(FEWEST, 100_000),
    "requests": _count(1, 1000),
    "interval": _number(0, 3600),
    "timeout": _number(0.01, 300),
    "deadline": _number(1, 86_400),
    "alpha": _number(1e-6, 0.1),
    "failure_limit": _number(0, 1),
    "inconclusive_limit": _number(0, 1),
    "on_inconclusive": _word(*get_args(OnInconclusive)),
}
_METRIC: dict[str, Callable[[Node], Any]] = {
    "direction": _word(*get_args(Direction)),
    "kind": _word(*get_args(Kind)),
    "weight": _number(0.001, 1000),
    "critical": _switch,
    "tolerance": _number(0.001, 10),
    "ignored": _number(0, 10),
    "series": _text,
}
_ELSEWHERE = {"canary": ("metrics",)}
