"""What the deployer asks: two addresses, one service, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dean_airflow.deployment.canary.judge import Judgement, Samples, judge
from dean_airflow.deployment.canary.policy import CanaryPolicy, canary_policy
from dean_airflow.deployment.canary.sampling import http_fetch, sample_releases
from dean_airflow.deployment.canary.series import together
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.services.pool import ServicePool


@dataclass(frozen=True, slots=True)
class CanaryOutcome:
    """`proceed`: whether the rollout goes on; `reason` is for people, `data` JSON for the report."""

    proceed: bool
    verdict: str
    reason: str
    data: dict[str, Any]


def applies_to(policy: CanaryPolicy | None, service: str) -> bool:
    """Whether a service's releases are to be compared."""
    return policy is not None and (not policy.services or service in policy.services)


def compare_releases(
    deployment: Deployment,
    service: str,
    old_url: str,
    new_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    further: Callable[[CanaryPolicy], Samples] | None = None,
) -> CanaryOutcome:
    """Samples both releases as the deployment's `canary` section says, and judges them; blocks meanwhile.

    The addresses are those of the releases, to which the section's path is added; `further` gives the samples of
    metrics that name a series. Without a section the rollout simply goes on. Raises DeploymentError for mistakes in the
    section and for what is no http address; what a release answers never raises.
    """
    policy = canary_policy(deployment.file)
    if policy is None or not applies_to(policy, service):
        return CanaryOutcome(True, "pass", f"{service} is not compared.", {})
    return outcome(policy, asyncio.run(_judged(policy, old_url, new_url, dict(headers or {}), further)))


def outcome(policy: CanaryPolicy, judgement: Judgement) -> CanaryOutcome:
    """What a judgement means to the rollout."""
    proceed = judgement.verdict == "pass" or (judgement.verdict == "inconclusive" and policy.on_inconclusive == "pass")
    return CanaryOutcome(proceed, judgement.verdict, judgement.sentence, judgement.as_json())


async def _judged(
    policy: CanaryPolicy,
    old_url: str,
    new_url: str,
    headers: dict[str, str],
    further: Callable[[CanaryPolicy], Samples] | None,
) -> Judgement:
    async with ServicePool() as pool:
        old, new = (
            http_fetch(pool, name, base.rstrip("/") + policy.path, headers)
            for name, base in (("the old release", old_url), ("the new release", new_url))
        )
        samples = await sample_releases(policy, old, new)
    if further is not None:
        samples = together(samples, await asyncio.to_thread(further, policy))
    return judge(policy, samples)
