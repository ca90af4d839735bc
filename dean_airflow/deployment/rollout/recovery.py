"""What earlier deployments of a site have left, because they were killed or could not be taken back, is cleared up."""

from __future__ import annotations

from dean_airflow.deployment.rollout.finishing import finish
from dean_airflow.deployment.rollout.journal import Journal
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.report import write_report
from dean_airflow.deployment.rollout.undoing import roll_back, undo_steps
from dean_airflow.deployment.rollout.work import Work
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError
from dean_airflow.store.deployment_locks import DeploymentLock
from dean_airflow.store.deployments import DeploymentRecord

LOOKED_AT = 20
"""Failed deployments of a site that are looked at for what they left."""


def recover(means: Means, site: Site, lock: DeploymentLock, record: DeploymentRecord) -> None:
    """Ends every other deployment of the site, and takes back what is left of failed ones.

    Raises DeploymentError where something is left that cannot be taken back: nothing may be built on that.
    """
    problems = _undo_attempts(Work(means, site, lock, record, None), record.attempt - 1)
    _settle(site, problems + _recover_others(means, site, lock, record.id))


def recover_site(means: Means, site: Site, lock: DeploymentLock) -> None:
    """The same for who is no deployment. Raises DeploymentError."""
    _settle(site, _recover_others(means, site, lock, None))


def _settle(site: Site, problems: list[str]) -> None:
    if problems:
        raise DeploymentError(
            f"An earlier deployment of {site.directory} could not be taken back: {problems[0]}. Mend that first."
        )


def _recover_others(means: Means, site: Site, lock: DeploymentLock, own: str | None) -> list[str]:
    problems: list[str] = []
    for other in means.store.deployments.unfinished(site.id):
        if other.id != own:
            means.say(f"{other.id} was {other.status} when it was left; it is ended first.")
            problems += end_left(Work(means, site, lock, other, None), "It was left unfinished.")
    for other in means.store.deployments.list(place=site.id, status="failed", limit=LOOKED_AT):
        if other.id != own:
            problems += _undo_attempts(Work(means, site, lock, other, None), other.attempt)
    return problems


def end_left(work: Work, reason: str) -> list[str]:
    """Ends a deployment in the one way that is open to it; answers what could not be taken back."""
    problems: dict[str, list[str]] = {}
    if work.record.status == "pending":
        work.move("validating")
    if work.record.status == "validating":
        work.move("failed", error=reason)
    elif work.committed:
        finish(work)
    else:
        problems = roll_back(work, reason)
    write_report(work)
    return [each for several in problems.values() for each in several]


def _undo_attempts(work: Work, last: int) -> list[str]:
    problems: list[str] = []
    for attempt in range(last, 0, -1):
        work.journal = Journal(work.means, work.lock, work.record.id, attempt)
        if work.committed or not work.journal.open_steps():
            continue
        problems += [each for several in undo_steps(work).values() for each in several]
    return problems
