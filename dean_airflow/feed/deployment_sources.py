"""The topics `deployments`, and `deployment:<id>`: one deployment with each step as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dean_airflow.errors import DeploymentNotFound
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.store.changes import last_change
from dean_airflow.store.deployments import DeploymentRecord, ServiceRecord
from dean_airflow.store.store import Store

DEPLOYMENTS = "deployments"
DEPLOYMENT_DAG = "dean_deployment"
"""Whose runs those may read who may hear of deployments that have no run of their own."""
REPLAYED = 2000
SHOWN = 50
"""Deployments that a snapshot tells of."""
REMOVED = "removed"


class DeploymentsSource:
    """Of the changes of one deployment that come together only the newest is told."""

    dag: str | None = DEPLOYMENT_DAG
    pause = 0.2

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self) -> Position | None:
        return Position((self._store.changes.head(DEPLOYMENTS),))

    def snapshot(self, head: Position) -> Sequence[Frame]:
        total = self._store.deployments.count()
        first = Frame("snapshot", DEPLOYMENTS, head, {"total": total}, store=self._store.id)
        newest = self._store.deployments.list(limit=SHOWN)
        return [first, *(self._frame(head, one) for one in reversed(newest))]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        if not until.covers(after):
            return None
        changes = self._store.changes.between(DEPLOYMENTS, after.counts[0], until.counts[0], REPLAYED)
        if changes is None:
            return None
        newest = {change.subject: change for change in changes}
        frames = []
        for change in sorted(newest.values(), key=lambda one: one.sequence):
            position = Position((change.sequence,))
            try:
                frames.append(self._frame(position, self._store.deployments.get(change.subject)))
            except DeploymentNotFound:
                data = {"deployment_id": change.subject}
                dag = change.dag_id or DEPLOYMENT_DAG
                frames.append(Frame("deployment_removed", DEPLOYMENTS, position, data, dag, self._store.id))
        return frames

    def gone(self) -> Frame:
        raise AssertionError("the list of deployments is always there")

    def _frame(self, position: Position, deployment: DeploymentRecord) -> Frame:
        data = {"deployment": summary(deployment)}
        dag = deployment.dag_id or DEPLOYMENT_DAG
        return Frame("deployment_update", DEPLOYMENTS, position, data, dag, self._store.id)


class DeploymentSource:
    """`dag` is that of the deployment's run."""

    pause = 0.2

    def __init__(self, store: Store, deployment_id: str, dag: str | None) -> None:
        self._store, self._id = store, deployment_id
        self.dag: str | None = dag or DEPLOYMENT_DAG
        self._topic = f"deployment:{deployment_id}"

    def head(self) -> Position | None:
        try:
            self._store.deployments.get(self._id)
        except DeploymentNotFound:
            return None
        step = self._store.deployment_steps.newest([self._id]).get(self._id, 0)
        change = self._store.database.read(lambda session: last_change(session, DEPLOYMENTS, self._id))
        return Position((change, step))

    def snapshot(self, head: Position) -> Sequence[Frame]:
        return self._frames("snapshot", 0, head)

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        return self._frames("deployment_progress", after.counts[1], until) if until.covers(after) else None

    def gone(self) -> Frame:
        data = {"deployment_id": self._id}
        return Frame("deployment_removed", self._topic, None, data, store=self._store.id, last=True)

    def _frames(self, kind: str, after: int, until: Position) -> Sequence[Frame]:
        try:
            deployment = self._store.deployments.get(self._id)
        except DeploymentNotFound:
            return []  # the next look finds it gone
        steps = self._store.deployment_steps.since(self._id, after, until.counts[1] - after)
        data = {
            "deployment": summary(deployment),
            "services": [_service(one) for one in self._store.deployments.services(self._id)],
            "steps": [
                {
                    **{name: getattr(step, name) for name in ("sequence", "attempt", "service", "action", "state")},
                    "data": step.data,
                    "at": step.at.isoformat(),
                }
                for step in steps
            ],
        }
        return [Frame(kind, self._topic, until, data, store=self._store.id)]


def summary(deployment: DeploymentRecord) -> dict[str, Any]:
    """A deployment in a few words, as frames have it."""
    names = ("name", "environment", "kind", "strategy", "backend", "status", "attempt", "requested_by")
    return {
        "deployment_id": deployment.id,
        **{name: getattr(deployment, name) for name in (*names, "host", "directory", "dag_id", "run_id", "error")},
        **{name: _time(getattr(deployment, name)) for name in ("created_at", "updated_at", "started_at")},
        "completed_at": _time(deployment.completed_at),
    }


def _service(service: ServiceRecord) -> dict[str, Any]:
    names = ("service", "position", "release", "previous_release", "state", "health", "error")
    return {**{name: getattr(service, name) for name in names}, "updated_at": service.updated_at.isoformat()}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
