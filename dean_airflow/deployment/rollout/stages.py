"""The stages of a deployment, as a task or a command calls them one after another.

Each takes the lock, goes on where an earlier try of it stopped, and may be called again at any time: killed in the
middle, the next call ends in the same way. Errors of the deployment itself are a DeploymentError with one sentence.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from dean_airflow.deployment.rollout.actions import facts_of, step
from dean_airflow.deployment.rollout.backups import backup_name, make_backup
from dean_airflow.deployment.rollout.finishing import finish
from dean_airflow.deployment.rollout.holding import Holding, holding
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.opening import open_work
from dean_airflow.deployment.rollout.recovery import end_left
from dean_airflow.deployment.rollout.report import report_of, write_report
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.deployment.rollout.verify import verify_release
from dean_airflow.deployment.rollout.work import Work
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeanError, DeploymentError

GOING_ON = ("deploying", "verifying")


def open_deployment(request: DeployRequest, means: Means, deployment_id: str) -> list[str]:
    """Validates, plans and opens the deployment; answers the services to roll out, in order.

    Empty where nothing is to be changed, or all is done already. Raises DeploymentError (not valid, not possible),
    DeploymentLocked.
    """
    site = site_of(request.directory, means.settings.data_dir)
    with holding(means, site, deployment_id) as held:
        work = open_work(request, means, site, held.lock, deployment_id)
        if work.record.status == "succeeded":
            return []
        _still_going_on(work)
        held.keep = True
        changed = [each.service for each in work.planned() if each.change != "unchanged"]
        if not changed:
            held.keep = False
            _verify(work)
            finish(work)
            write_report(work)
        return changed


def back_up(request: DeployRequest, means: Means, deployment_id: str) -> str:
    """Runs the hook pre_deploy and keeps a backup; answers its name, empty where nothing is to be changed."""
    with _at_work(request, means, deployment_id, take_up=True) as (work, held):
        if work.record.is_final:
            return work.record.backup or ""
        _still_going_on(work)
        held.keep = True
        _back_up(work)
        return work.record.backup or ""


def roll_out(
    request: DeployRequest, means: Means, deployment_id: str, *, on_begin: Callable[[str], object] = lambda name: None
) -> str:
    """Rolls out the next service that is not, in order; answers its name, which `on_begin` is told before.

    Empty where none is left, and where an earlier one has failed. Raises DeploymentError: it did not become healthy.
    """
    with _at_work(request, means, deployment_id, take_up=True) as (work, held):
        if work.record.is_final:
            return ""
        _still_going_on(work)
        held.keep = True
        _back_up(work)
        states = {each.service: each.state for each in means.store.deployments.services(deployment_id)}
        for planned in work.planned():
            if states[planned.service] == "failed":
                return ""
            if states[planned.service] in ("pending", "deploying"):
                on_begin(planned.service)
                _roll_out(work, planned.service)
                return planned.service
        return ""


def verify(request: DeployRequest, means: Means, deployment_id: str) -> dict[str, Any]:
    """Looks at every service once more, runs the hook post_deploy, and ends old releases; answers the report.

    Services that are not rolled out yet are so first: where only failed tasks were cleared, not each has a task.
    """
    with _at_work(request, means, deployment_id, take_up=True) as (work, held):
        if not work.record.is_final:
            _still_going_on(work)
            held.keep = True
            _back_up(work)
            for each in means.store.deployments.services(deployment_id):
                if each.state in ("pending", "deploying"):
                    _roll_out(work, each.service)
            _verify(work)
            finish(work)
            held.keep = False
            return write_report(work)
        return report_of(means.store, work.record)


def take_back(request: DeployRequest, means: Means, deployment_id: str, reason: str = "") -> dict[str, Any]:
    """Takes an unfinished deployment back; answers the report. One that is past the point of no return is finished."""
    with _at_work(request, means, deployment_id) as (work, _):
        if work.record.is_final:
            return report_of(means.store, work.record)
        reason = reason or work.record.error or first_error(work) or "The deployment did not go on."
        end_left(work, reason)
        return report_of(means.store, work.record)


def deploy(request: DeployRequest, means: Means, deployment_id: str) -> dict[str, Any]:
    """All stages in this process, under one lock; answers the report, also of a deployment that was rolled back.

    Raises DeploymentError for one that could not be opened, DeploymentLocked, DeploymentLockLost.
    """
    site = site_of(request.directory, means.settings.data_dir)
    with holding(means, site, deployment_id) as held:
        work = open_work(request, means, site, held.lock, deployment_id)
        if work.record.is_final:
            return report_of(means.store, work.record)
        try:
            _still_going_on(work)
            _back_up(work)
            for planned in work.planned():
                if planned.change != "unchanged":
                    _roll_out(work, planned.service)
            _verify(work)
            finish(work)
        except Exception as error:
            if work.committed or (isinstance(error, DeanError) and not isinstance(error, DeploymentError)):
                raise  # without the store or the lock nothing can be taken back; the next deployment does
            end_left(work, str(error) or type(error).__name__)
        except BaseException:  # Ctrl-C, or what a command makes of SIGTERM
            if not work.committed:
                end_left(work, "It was interrupted.")
            raise
        return write_report(work)


@contextlib.contextmanager
def _at_work(
    request: DeployRequest, means: Means, deployment_id: str, *, take_up: bool = False
) -> Iterator[tuple[Work, Holding]]:
    """`take_up`: one that ended badly is opened anew where somebody cleared its run."""
    record = means.store.deployments.get(deployment_id)
    site = site_of(record.directory, means.settings.data_dir)
    if site.id != record.place:
        raise DeploymentError(
            f"{deployment_id} deploys to {record.host}, and this is {site.host}; run its tasks there: set [dean] "
            "deployment_queue to a queue that only that machine serves."
        )
    with holding(means, site, deployment_id) as held:
        record = means.store.deployments.get(deployment_id)
        if take_up and record.status in ("rolled_back", "failed"):
            yield open_work(request, means, site, held.lock, deployment_id), held
        else:
            yield Work(means, site, held.lock, record, request), held


def _still_going_on(work: Work) -> None:
    if work.record.status not in GOING_ON:
        raise DeploymentError(f"The deployment is {work.record.status.replace('_', ' ')}: {work.record.error or ''}")


def _back_up(work: Work) -> None:
    _hook(work, "pre_deploy")
    if any(each.change != "unchanged" for each in work.planned()):
        running = work.means.store.releases.current(work.site.id)
        name = backup_name(work.record)
        work.journal.take(
            "",
            "back_up",
            lambda: {"backup": make_backup(work.site, work.record, work.deployment, running)},
            {"backup": name},
        )
        work.record = work.means.store.deployments.update(work.lock, work.record.id, backup=name)
        _hook(work, "backup")


def _roll_out(work: Work, service: str) -> None:
    planned = next(each for each in work.planned() if each.service == service)
    work.means.say(f"Rolling out {service}: {planned.previous or 'nothing'} → {planned.release.release}.")
    work.note(service, state="deploying")
    try:
        for action in planned.actions:
            if work.journal.state(service, action) != "done":
                facts = facts_of(work, planned, action)
                work.journal.take(service, action, step(work, planned, action), facts)
    except (DeploymentError, OSError) as error:
        work.note(service, state="failed", error=str(error))
        raise DeploymentError(str(error)) from None
    work.note(service, state="deployed")


def _verify(work: Work) -> None:
    services = work.means.store.deployments.services(work.record.id)
    if missing := [each.service for each in services if each.state not in ("deployed", "unchanged")]:
        raise DeploymentError(f"{missing[0]} is not rolled out, so there is nothing to verify.")
    if work.record.status == "deploying":
        work.move("verifying")
    for planned in work.planned():
        if planned.change not in ("unchanged", "withdrawn"):
            seen = verify_release(work.backend, planned.release, work.means.say, times=1)
            work.note(planned.service, health=seen)
    _hook(work, "post_deploy")


def _hook(work: Work, name: str) -> None:
    """Runs a hook that the description names, once."""
    declared = work.deployment.file.get("hooks", name)
    if declared is None or (name == "backup" and work.means.hooks is None):
        return

    def run() -> None:
        if work.means.hooks is None:
            raise DeploymentError(f"The hook {name} cannot be run here ({declared.place}).")
        facts = {
            "DEAN_DEPLOYMENT_ID": work.record.id,
            "DEAN_DEPLOYMENT": work.record.directory,
            "DEAN_ENVIRONMENT": work.record.environment,
            "DEAN_BACKUP": work.record.backup or "",
        }
        if not work.means.hooks(name, work.deployment, facts):
            raise DeploymentError(f"The hook {name} said no ({declared.place}).")

    work.journal.take("", name, run)


def first_error(work: Work) -> str:
    """What went wrong first, by the services' own records."""
    for each in work.means.store.deployments.services(work.record.id):
        if each.error:
            return each.error
    return ""
