"""The topic `trials`: which trials begin, get on, end and go."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.feed.trial_summary import summaries
from dean_airflow.store.changes import Change
from dean_airflow.store.fence import UNDER_WAY
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store

TRIALS = "trials"
REPLAYED = 2000
"""Changes that are told one by one; whoever missed more gets a snapshot."""
SHOWN = 100
"""Trials under way that a snapshot tells of."""
PROGRESS = "progress"
REMOVED = "removed"
_TYPES = {"initializing": "trial_started", REMOVED: "trial_removed"} | {
    status: f"trial_{status}" for status in ("completed", "failed", "cancelled")
}


class TrialsSource:
    """Each change of a status is a frame of its own; of progress only the newest of each trial is told."""

    dag: str | None = None
    pause = 0.2

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self) -> Position | None:
        return Position((self._store.changes.head(TRIALS),))

    def snapshot(self, head: Position) -> Sequence[Frame]:
        statement = select(TrialRow.id).where(TrialRow.status.in_(UNDER_WAY)).order_by(TrialRow.created_at.desc())
        known = self._store.database.read(
            lambda session: summaries(session, list(session.scalars(statement.limit(SHOWN))))
        )
        first = Frame("snapshot", TRIALS, head, {"under_way": self._store.trials.under_way()}, store=self._store.id)
        return [
            first,
            *(
                Frame("trial_update", TRIALS, head, {"trial": trial}, trial["dag_id"], self._store.id)
                for trial in known.values()
            ),
        ]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        if not until.covers(after):
            return None
        changes = self._store.changes.between(TRIALS, after.counts[0], until.counts[0], REPLAYED)
        if changes is None:
            return None
        told = _worth_telling(changes)
        ids = list({change.subject for change in told})
        known = self._store.database.read(lambda session: summaries(session, ids))
        frames = []
        for change in told:
            trial = known.get(change.subject)
            kind = _TYPES.get(change.kind, "trial_update")
            if trial is None:
                kind = "trial_removed"  # told when it has gone since
            data = {"trial_id": change.subject} if kind == "trial_removed" else {"trial": trial, "change": change.kind}
            frames.append(Frame(kind, TRIALS, Position((change.sequence,)), data, change.dag_id, self._store.id))
        return frames

    def gone(self) -> Frame:
        raise AssertionError("the list of trials is always there")


def _worth_telling(changes: Sequence[Change]) -> list[Change]:
    newest = {change.subject: change.sequence for change in changes if change.kind == PROGRESS}
    return [change for change in changes if change.kind != PROGRESS or newest[change.subject] == change.sequence]
