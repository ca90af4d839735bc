"""The `canary` section as it is read, and the sentence for each mistake in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.deployment.canary.policy import CanaryPolicy, canary_policy
from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.errors import DeploymentError

from ..conftest import Validate

Make = Callable[[dict[str, str]], Path]


def policy(make: Make, text: str) -> CanaryPolicy | None:
    return canary_policy(read_deployment(make({"dean-deployment.yaml": text})).file)


def test_none_is_asked_for(deployment: Make):
    assert policy(deployment, "environment: local\n") is None


def test_an_empty_section_is_the_defaults(deployment: Make):
    found = policy(deployment, "canary:\n")

    assert found == CanaryPolicy()
    assert [metric.name for metric in found.metrics] == ["latency", "error_rate"]


def test_everything_it_may_say(deployment: Make):
    found = policy(
        deployment,
        """\
canary:
  services: [api]
  path: /work
  samples: 60
  requests: 5
  interval: 0.5
  timeout: 2
  deadline: 120
  alpha: 0.02
  failure_limit: 0.2
  inconclusive_limit: 0.1
  on_inconclusive: pass
  metrics:
    latency: {weight: 2, tolerance: 0.3, ignored: 0.1, critical: true}
    queue: {series: dean_queue_depth, direction: higher}
    lost: {series: dean_lost, kind: rate}
""",
    )

    assert found is not None
    assert (found.services, found.path, found.samples, found.minimum) == (("api",), "/work", 60, 60)
    assert (found.requests, found.interval, found.timeout, found.deadline) == (5, 0.5, 2, 120)
    assert (found.alpha, found.failure_limit, found.inconclusive_limit) == (0.02, 0.2, 0.1)
    assert found.on_inconclusive == "pass"
    latency, queue, lost = found.metrics
    assert (latency.weight, latency.tolerance, latency.ignored, latency.critical) == (2, 0.3, 0.1, True)
    assert (queue.series, queue.direction, queue.kind) == ("dean_queue_depth", "higher", "values")
    assert (lost.kind, lost.tolerance, lost.critical) == ("rate", 0.05, False)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("canary: 3", "`canary` must be a mapping."),
        ("canary: {sample: 3}", "canary has a key `sample` that nothing reads."),
        ("canary: {samples: few}", "`samples` of canary must be a whole number."),
        ("canary: {samples: 3}", "`samples` of canary must be from 10 to 100000."),
        ("canary: {samples: true}", "`samples` of canary must be a whole number."),
        ("canary: {alpha: .nan}", "`alpha` of canary must be a number."),
        ("canary: {alpha: 0.5}", "`alpha` of canary must be from 1e-06 to 0.1."),
        ("canary: {samples: 20, minimum: 30}", "`minimum` of canary is 30, more than the 20 samples that are taken."),
        ("canary: {path: health}", "`path` of canary must be a path that begins with /."),
        ("canary: {services: {api: 1}}", "`services` of canary must be a list of names."),
        ("canary: {on_inconclusive: maybe}", "`on_inconclusive` of canary must be one of fail, pass."),
        ("canary: {metrics: []}", "`metrics` of canary names none; leave the key out for latency and error_rate."),
        ("canary: {metrics: [queue]}", "needs a `series`: only latency and error_rate are measured without."),
        ("canary: {metrics: {latency: 3}}", "The canary metric latency must be a mapping."),
        ("canary: {metrics: {latency: {direction: up}}}", "must be one of lower, higher."),
        ("canary: {metrics: {latency: {critical: 1}}}", "must be true or false."),
        ("canary: {metrics: {latency: {kind: rate}}}", "`kind` of the canary metric latency is values; leave it out."),
        ("canary: {metrics: {latency: {tolerance: 0.01}}}", "is 0.05, not below its tolerance."),
        ("canary: {metrics: {latency: {colour: red}}}", "has a key `colour` that nothing reads."),
        ("canary: {metrics: {'a b': {series: x}}}", "'a b' is no name of a metric."),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(deployment: Make, validate: Validate, section: str, sentence: str):
    text = f"environment: local\nbackend: process\n{section}\n"
    with pytest.raises(DeploymentError) as raised:
        policy(deployment, text)

    assert sentence in str(raised.value)
    assert str(raised.value).startswith("dean-deployment.yaml:3: ")
    root = deployment({"dean-deployment.yaml": text})
    assert [f.place.line for f in validate(root).findings if f.id == "M44" and sentence in f.what] == [3]
