"""The way on from the point of no return: old releases end, and what nobody needs any more goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dean_airflow.deployment.rollout.actions import facts_of, step
from dean_airflow.deployment.rollout.backups import KEPT, list_backups, remove_backup
from dean_airflow.deployment.rollout.journal import TRIES
from dean_airflow.deployment.rollout.work import Work
from dean_airflow.errors import DeploymentLockLost


def finish(work: Work) -> list[str]:
    """Ends the deployment as succeeded; answers what could not be tidied up, which the next one does.

    Idempotent. Raises DeploymentLockLost, StoreError.
    """
    work.journal.take("", "commit", lambda: None)
    problems: list[str] = []
    for planned in work.planned():
        if planned.strategy == "blue_green" and planned.previous and planned.change == "changed":
            facts = facts_of(work, planned, "retire")
            problems += _tried(work, planned.service, "retire", step(work, planned, "retire"), facts)
    problems += _tried(work, "", "tidy", lambda: tidy(work), {})
    for each in work.means.store.deployments.services(work.record.id):
        if each.state in ("deploying", "pending"):
            work.note(each.service, state="deployed")
    work.move("succeeded", error=" ".join(problems) or None)
    return problems


def _tried(
    work: Work, service: str, action: str, do: Callable[[], dict[str, Any] | None], facts: dict[str, Any]
) -> list[str]:
    """The new release serves already: what fails now is tried again, and then told."""
    for attempt in range(TRIES):
        try:
            work.journal.take(service, action, do, facts)
        except DeploymentLockLost:
            raise
        except Exception as error:
            if attempt == TRIES - 1:
                return [f"{action} {service}: {error}".replace(" :", ":")]
            work.means.say(f"{action} {service} failed, and is tried again: {error}")
        else:
            break
    return []


def tidy(work: Work) -> None:
    """Stops releases that run beside the current one, removes those nobody can go back to, and the oldest backups."""
    for backup in list_backups(work.site)[KEPT:]:
        remove_backup(work.site, backup.name)
    current = work.means.store.releases.current(work.site.id)
    needed = {(service, release) for backup in list_backups(work.site) for service, release in backup.releases.items()}
    for service, row in current.items():
        needed |= {(service, row.release)} | ({(service, row.previous_release)} if row.previous_release else set())
    state = work.backend.state()
    for program in state["programs"]:
        service, _, release = program.rpartition("--")
        if service not in current or current[service].release != release:
            work.backend.stop(service, release)
    there = {tuple(name.split("/")[:2]) for name in state["files"]}
    for service, release in sorted(there - needed):
        work.backend.remove(service, release)
