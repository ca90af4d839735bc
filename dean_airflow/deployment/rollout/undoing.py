"""Taking a deployment back, step by step, last first; one that cannot be taken back is told and stops no other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from dean_airflow.deployment.rollout.actions import step_back
from dean_airflow.deployment.rollout.backups import remove_backup
from dean_airflow.deployment.rollout.verify import verify_release
from dean_airflow.deployment.rollout.work import Work
from dean_airflow.errors import DeploymentError


def undo_steps(work: Work) -> dict[str, list[str]]:
    """Takes every open step back; answers what could not be, by service. Raises DeploymentLockLost alone."""
    problems: dict[str, list[str]] = defaultdict(list)
    stopped: list[str] = []
    for service, action in reversed(work.journal.open_steps()):
        back = step_back(work, service, action)
        if (service, action) == ("", "back_up"):
            name = work.journal.data(service, action).get("backup", "")
            back = (lambda name=name: remove_backup(work.site, name)) if name else None
        if back is not None:
            work.means.say(f"Taking back: {action.replace('_', ' ')}{f' of {service}' if service else ''}.")
        reason = work.journal.take_back(service, action, back)
        if reason:
            problems[service].append(f"{action.replace('_', ' ')} could not be taken back: {reason}")
            work.means.say(f"{service or 'The deployment'}: {problems[service][-1]}")
        elif action in ("stop_previous", "withdraw"):
            stopped.append(service)
    for service in stopped:
        if service in problems:
            continue
        try:
            _look_after(work, service, work.journal.data(service, "stop_previous").get("previous") or "")
        except DeploymentError as error:
            problems[service].append(f"the old release was started again, and {error}")
    return problems


def _look_after(work: Work, service: str, previous: str) -> None:
    """What was started again does run."""
    release = work.backend.prepared(service, previous)
    if release is not None:
        check = replace(release.check, contract="", capabilities=())
        verify_release(work.backend, replace(release, check=check), work.means.say, times=1)


def roll_back(work: Work, reason: str) -> dict[str, list[str]]:
    """Takes the deployment back and ends it as rolled_back, or as failed where that is not wholly possible.

    Idempotent: called again after a crash, it goes on where it was. Raises DeploymentLockLost.
    """
    if work.record.status in ("deploying", "verifying"):
        work.move("rolling_back", error=reason)
        work.means.say(f"Rolling back: {reason}")
    touched = {service for service, _ in work.journal.open_steps() if service}
    problems = undo_steps(work)
    for each in work.means.store.deployments.services(work.record.id):
        if each.service in problems:
            work.note(each.service, state="rollback_failed", error=" ".join(problems[each.service]))
        elif each.service in touched or each.state in ("deploying", "deployed", "failed"):
            work.note(each.service, state="rolled_back")
    if work.record.status == "rolling_back":
        work.move("failed" if problems else "rolled_back", backup=None)
    return problems
