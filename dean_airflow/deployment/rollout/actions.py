"""What each step of a service does, and what takes it back. All of them may be repeated, and end the same way.

What a step back needs is in the journal with the step itself, so that it can be taken whatever became of the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dean_airflow.deployment.plan.plan import PlannedService
from dean_airflow.deployment.rollout.verify import verify_release
from dean_airflow.deployment.rollout.work import Work
from dean_airflow.errors import DeploymentError

Facts = dict[str, Any]


def facts_of(work: Work, planned: PlannedService, action: str) -> Facts:
    """What is written down before the step is taken for the first time."""
    service, release = planned.service, planned.release.release
    facts: Facts = {"release": release, "previous": planned.previous}
    if action == "prepare":
        facts["existed"] = work.backend.prepared(service, release) is not None
    if action in ("record", "withdraw"):
        now = work.means.store.releases.current(work.site.id).get(service)
        facts["was"] = now and {
            "release": now.release,
            "previous_release": now.previous_release,
            "deployment_id": now.deployment_id,
            "data": now.data,
        }
    return facts


def step(work: Work, planned: PlannedService, action: str) -> Callable[[], Facts | None]:
    """The step as something to call. It raises DeploymentError where it cannot be taken."""
    backend, service, release = work.backend, planned.service, planned.release.release
    previous = planned.previous or ""

    def verify(times: int | None = None) -> Facts:
        seen = verify_release(backend, planned.release, work.means.say, times=times)
        work.note(service, health=seen)
        return {"health": seen}

    def record() -> None:
        work.means.store.releases.put(
            work.lock,
            service,
            directory=work.record.directory,
            release=release,
            previous_release=planned.previous,
            deployment_id=work.record.id,
            data={"backend": work.record.backend, "listen": _address(planned)},
        )

    def withdraw() -> None:
        backend.stop(service, previous)
        work.means.store.releases.remove(work.lock, service)

    steps: dict[str, Callable[[], Facts | None]] = {
        "prepare": lambda: backend.prepare(planned.release),
        "stop_previous": lambda: backend.stop(service, previous),
        "start": lambda: backend.start(service, release),
        "switch": lambda: backend.switch(service, release),
        "verify": verify,
        "confirm": lambda: verify(1),
        "compare": lambda: _compare(work, planned),
        "record": record,
        "withdraw": withdraw,
        "retire": lambda: backend.stop(service, previous),
    }
    return steps[action]


def step_back(work: Work, service: str, action: str) -> Callable[[], object] | None:
    """What takes a step back by what the journal has of it; None where there is nothing to take back."""
    facts, backend = work.journal.data(service, action), work.backend
    release, previous = facts.get("release") or "", facts.get("previous") or ""

    def unrecord() -> None:
        was = facts.get("was")
        if was is None:
            work.means.store.releases.remove(work.lock, service)
        else:
            work.means.store.releases.put(work.lock, service, directory=work.record.directory, **was)

    def bring_back() -> None:
        backend.start(service, previous)
        backend.switch(service, previous)
        unrecord()

    back: dict[str, Callable[[], object] | None] = {
        "prepare": None if facts.get("existed") else lambda: backend.remove(service, release),
        "stop_previous": lambda: backend.start(service, previous),
        "start": lambda: backend.stop(service, release),
        "switch": (lambda: backend.switch(service, previous)) if previous else None,
        "record": unrecord,
        "withdraw": bring_back,
    }
    return back.get(action)


def _compare(work: Work, planned: PlannedService) -> Facts:
    compare, backend, service = work.means.compare, work.backend, planned.service
    if compare is None or planned.previous is None:
        raise DeploymentError(f"{service} is to be compared with its old release, and nothing here can compare them.")
    with backend.reach(service, planned.previous) as old, backend.reach(service, planned.release.release) as new:
        outcome = compare(work.deployment, service, old, new)
    work.means.say(f"{service} compared with its old release: {outcome.verdict}. {outcome.reason}")
    facts = {"verdict": outcome.verdict, "reason": outcome.reason, "comparison": dict(outcome.data)}
    work.note(service, health={"status": "healthy", "canary": facts})
    if not outcome.proceed:
        raise DeploymentError(f"The canary of {service} says {outcome.verdict}: {outcome.reason}")
    return facts


def _address(planned: PlannedService) -> str:
    listen = planned.release.listen
    return f"{listen[0]}:{listen[1]}" if listen is not None else ""
