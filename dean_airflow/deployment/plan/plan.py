"""A plan: every step of a deployment, in order, before the first is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dean_airflow.deployment.plan.release import ServiceRelease

RECREATE = ("prepare", "stop_previous", "switch", "start", "verify", "record")
BLUE_GREEN = ("prepare", "start", "verify", "compare", "switch", "confirm", "record")
WITHDRAW = "withdraw"
"""How a service is treated that did not run when the backup was taken which is gone back to."""
_WORDS = {
    "withdraw": "stop release {previous} of {service}, which did not run then",
    "prepare": "put release {release} of {service} on this machine",
    "stop_previous": "stop release {previous} of {service}",
    "start": "start release {release} of {service}{beside}",
    "verify": "verify it: {check}",
    "compare": "compare it with release {previous}",
    "switch": "lead new connections of {service} to release {release}",
    "confirm": "verify it once more, with its traffic",
    "record": "note that {service} runs release {release}",
}


@dataclass(frozen=True)
class PlannedService:
    """A service that is rolled out: `previous` is what runs now. `change`: new, changed, unchanged or withdrawn."""

    release: ServiceRelease
    previous: str | None
    strategy: str
    compared: bool = False

    @property
    def service(self) -> str:
        return self.release.service

    @property
    def change(self) -> str:
        if self.strategy == WITHDRAW:
            return "withdrawn"
        if self.previous is None:
            return "new"
        return "unchanged" if self.previous == self.release.release else "changed"

    @property
    def actions(self) -> tuple[str, ...]:
        """What is done for it, in order. A service of which nothing runs yet has nothing to stand beside."""
        if self.change == "unchanged":
            return ()
        if self.strategy == WITHDRAW:
            return (WITHDRAW,)
        if self.strategy == "blue_green" and self.previous is not None:
            return tuple(each for each in BLUE_GREEN if each != "compare" or self.compared)
        return tuple(each for each in RECREATE if each != "stop_previous" or self.previous is not None)


@dataclass(frozen=True)
class Plan:
    """`left` are services that run here though the description has them no more; they are not touched."""

    directory: str
    name: str
    environment: str
    backend: str
    strategy: str
    services: tuple[PlannedService, ...]
    left: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[PlannedService, ...]:
        return tuple(each for each in self.services if each.change != "unchanged")

    def describe(self) -> list[str]:
        """A line a step: exactly what would be done, in this order."""
        if not self.changed:
            return ["Nothing would change: every service runs this release already."]
        lines = ["keep a backup of the deployment's files and of what runs"]
        lines += ["run the hook pre_deploy"] if "pre_deploy" in self.hooks else []
        for each in self.services:
            if each.change == "unchanged":
                lines.append(f"leave {each.service} alone: it runs release {each.previous} already")
            lines += [_words(each, action) for action in each.actions]
        lines += ["run the hook post_deploy"] if "post_deploy" in self.hooks else []
        lines += [
            f"stop release {each.previous} of {each.service} after what it was asked is answered"
            for each in self.changed
            if each.strategy == "blue_green" and each.previous is not None
        ]
        lines += [f"leave {name} running, which the deployment does not describe any more" for name in self.left]
        return lines

    def as_json(self) -> dict[str, Any]:
        return {
            "directory": self.directory,
            "name": self.name,
            "environment": self.environment,
            "backend": self.backend,
            "strategy": self.strategy,
            "services": [
                {
                    "service": each.service,
                    "release": each.release.release,
                    "previous_release": each.previous,
                    "change": each.change,
                    "strategy": each.strategy,
                    "actions": list(each.actions),
                }
                for each in self.services
            ],
            "left": list(self.left),
            "steps": self.describe(),
        }


def _words(each: PlannedService, action: str) -> str:
    check = each.release.check
    if check.url or check.path:
        how = f"{check.times} good answers in a row of {check.url or check.path} within {check.within:g} s"
    else:
        how = f"it runs for {check.times} looks, {check.every:g} s apart"
    return _WORDS[action].format(
        service=each.service,
        release=each.release.release,
        previous=each.previous,
        check=how,
        beside=" beside it" if action == "start" and each.strategy == "blue_green" and each.previous else "",
    )


def make_plan(
    *,
    directory: str,
    name: str,
    environment: str,
    backend: str,
    strategy: str,
    releases: Sequence[ServiceRelease],
    strategies: Mapping[str, str],
    current: Mapping[str, str],
    external: Sequence[str] = (),
    hooks: Sequence[str] = (),
    compared: bool = False,
) -> Plan:
    """The plan from what runs (`current`, by service) to what is wanted (`releases`, in their order)."""
    services = tuple(
        PlannedService(each, current.get(each.service), strategies.get(each.service, strategy), compared)
        for each in releases
    )
    described = {each.service for each in releases} | set(external)
    left = tuple(sorted(set(current) - described))
    return Plan(directory, name, environment, backend, strategy, services, left, tuple(hooks))
