"""Rotates one secret: write new, overlap, roll the readers, verify, retire the old, prove that it is refused.

Each step is on record in the store before and after it. A rotation that was killed goes on where it stopped when the
secret is rotated again; one that fails restores the old value. While the overlap lasts nothing waits: `rotate` answers
`waiting`, and goes on when it is called after that.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dean_airflow.deployment.redaction import Redactor
from dean_airflow.deployment.rollout.holding import holding
from dean_airflow.deployment.rollout.journal import Journal
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.staging import Staging
from dean_airflow.deployment.secrets.target import Target
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeanError, DeploymentError, DeploymentLockLost, StoreError
from dean_airflow.store.deployment_locks import DeploymentLock
from dean_airflow.store.deployments import DeploymentRecord

log = logging.getLogger(__name__)

KIND = "rotation"
OVERLAP = timedelta(hours=24)
ACCEPT_SECONDS = 60.0
"""For everybody to accept a new value, or to refuse an old one."""
POLL_SECONDS = 0.2
_FORWARD = ("add", "accept", "switch", "roll", "verify", "retire", "prove")
"""Steps after which something is to be restored."""


@dataclass(frozen=True)
class Rotating:
    """What is rotated, and for whom. `overlap` is for how long both values are accepted, if the target can that.

    `roll` gives readers what they find now; its argument is the same where a crash has it called again. `record` notes
    the day.
    """

    target: Target
    site: Site
    environment: str = "local"
    overlap: timedelta = OVERLAP
    requested_by: str = ""
    roll: Callable[[str], None] = lambda key: None
    record: Callable[[], None] = lambda: None
    accept_seconds: float = ACCEPT_SECONDS

    @property
    def place(self) -> str:
        """The secret's name in the store, 16 hex digits; not its deployment's, so that neither waits for the other."""
        return hashlib.sha256(f"{self.site.id}\0secret\0{self.target.name}".encode()).hexdigest()[:16]


def rotate(rotating: Rotating, means: Means, rotation_id: str) -> dict[str, Any]:
    """Rotates, or goes on with the rotation of this secret that is under way; answers the report.

    `status` is succeeded, waiting (until `waiting_until`), rolled_back, or failed: then the old value could not be
    restored, and rotating again tries to end it. Raises DeploymentLocked while another process is at it,
    DeploymentLockLost, StoreError; the report has what went wrong with the rotation itself.
    """
    under_way = means.store.deployments.unfinished(rotating.place)
    rotation_id = under_way[0].id if under_way else rotation_id
    with holding(means, replace(rotating.site, id=rotating.place), rotation_id) as held:
        work = _Work.open(rotating, means, held.lock, rotation_id)
        if work.record.is_final:
            return work.report()
        if work.record.status == "rolling_back":
            return work.take_back(work.record.error or "")
        try:
            return work.go_on()
        except (DeploymentLockLost, StoreError):
            raise  # without them nothing can be taken back; the next rotation does
        except Exception as error:
            return work.take_back(str(error) if isinstance(error, DeanError) else f"{type(error).__name__}: {error}")
        except (KeyboardInterrupt, SystemExit):
            work.take_back("It was interrupted.")
            raise


def abandon(rotating: Rotating, means: Means, reason: str) -> dict[str, Any] | None:
    """Restores the old value of a rotation under way; the report, None where none is. Raises as `rotate`."""
    under_way = means.store.deployments.unfinished(rotating.place)
    if not under_way:
        return None
    with holding(means, replace(rotating.site, id=rotating.place), under_way[0].id) as held:
        work = _Work.open(rotating, means, held.lock, under_way[0].id)
        return work.report() if work.record.is_final else work.take_back(reason)


class _Work:
    def __init__(self, rotating: Rotating, means: Means, lock: DeploymentLock, record: DeploymentRecord) -> None:
        self.rotating, self.means, self.lock, self.record = rotating, means, lock, record
        self.target = rotating.target
        self.staging = Staging(means.settings.data_dir, rotating.place)
        self.journal = Journal(means, lock, record.id, record.attempt)
        self.redactor = self._redactor()
        self.said: list[str] = []

    @classmethod
    def open(cls, rotating: Rotating, means: Means, lock: DeploymentLock, rotation_id: str) -> _Work:
        record = means.store.deployments.create(
            rotation_id,
            place=rotating.place,
            host=rotating.site.host,
            directory=str(rotating.site.directory),
            name=rotating.target.name,
            environment=rotating.environment,
            kind=KIND,
            strategy=KIND,
            backend="",
            requested_by=rotating.requested_by,
            request={"secret": rotating.target.name, "overlap_seconds": rotating.overlap.total_seconds()},
            dag_id=means.dag_id,
            run_id=means.run_id,
            execution=means.execution,
        )
        return cls(rotating, means, lock, record)

    def go_on(self) -> dict[str, Any]:
        """Takes the steps that are not taken yet; the report."""
        if self.record.status == "pending":
            self._move("validating")
            self._audit("begun")
        self.journal.take("", "stage", self._stage)
        if self.record.status == "validating":
            self._move("deploying")
        if self.journal.state("", "clear") is None:
            old, new = self._staged()
            self._put_to_use(old, new)
            until = datetime.fromisoformat(self.journal.data("", "overlap")["until"])
            if self.means.store.now() < until:
                self._say(f"Both values are accepted until {until:%Y-%m-%d %H:%M:%S} UTC.")
                return self._waiting(until)
            self._end_old(old, new)
        self.journal.take("", "record", self.rotating.record)
        self.journal.take("", "clear", self.staging.remove)
        report = self._reported("succeeded", "The secret is rotated.")
        self._move("succeeded", report=report)
        self._audit("succeeded")
        return self.report()

    def _put_to_use(self, old: str, new: str) -> None:
        journal, target = self.journal, self.target
        journal.take("", "add", lambda: target.add(old, new))
        journal.take("", "accept", lambda: self._becomes(new, "accepted"))
        journal.take("", "switch", lambda: target.switch(old, new))
        journal.take("", "roll", lambda: self._roll("forward"))
        if self.record.status == "deploying":
            self._move("verifying")
        journal.take("", "verify", lambda: self._becomes(new, "accepted"))
        lasts = self.rotating.overlap if target.overlaps else timedelta()
        journal.take("", "overlap", lambda: {"until": (self.means.store.now() + lasts).isoformat()})

    def _end_old(self, old: str, new: str) -> None:
        self.journal.take("", "retire", lambda: self.target.retire(old, new))
        self.journal.take("", "prove", lambda: self._becomes(old, "refused"))

    def take_back(self, reason: str) -> dict[str, Any]:
        """Restores the old value and rolls the readers back to it; the report."""
        reason = self.redactor.redact(reason)
        self._say(f"The rotation is taken back: {reason}")
        if self.record.status in ("pending", "validating"):
            if self.record.status == "pending":
                self._move("validating")
            self.staging.remove()
            self._end("failed", reason, "Nothing was changed.")
            return self.report()
        self._move("rolling_back", error=reason)
        failures = self._restored()
        if failures:
            self._end("failed", reason, f"The old value could not be restored: {self.redactor.redact(failures)}")
        else:
            self.staging.remove()
            self._end("rolled_back", reason, "The old value is in use again.")
        return self.report()

    def _restored(self) -> str:
        """Why the old value could not be restored, empty where it was."""
        staged = self.staging.load()
        begun = [step for step in _FORWARD if self.journal.state("", step) is not None]
        if not begun:
            return ""
        if staged is None:
            return f"{self.staging.path} is gone, in which the old value was kept"
        old, new = staged
        failure = self.journal.take_back("", "switch", lambda: self.target.restore(old, new))
        if failure:
            return failure
        if self.journal.state("", "roll") is not None:
            failure = self.journal.take_back("", "roll", lambda: self._roll("back"))
        return failure or self.journal.take_back("", "verify", lambda: self._becomes(old, "accepted"))

    def _roll(self, way: str) -> None:
        self.rotating.roll(f"{self.record.id}.{self.record.attempt}.{way}")

    def _stage(self) -> None:
        current, kept = self.target.read(), self.staging.load()
        if kept is None or current not in kept:
            self.staging.save(current, self.target.generate())
        self.redactor = self._redactor()

    def _staged(self) -> tuple[str, str]:
        staged = self.staging.load()
        if staged is None:
            raise DeploymentError(f"{self.staging.path} is gone, in which the old and the new value were kept.")
        return staged

    def _redactor(self) -> Redactor:
        return Redactor(part for value in self.staging.load() or () for part in self.target.shown(value))

    def _becomes(self, value: str, wanted: str) -> dict[str, Any]:
        """Waits until a value is accepted, or refused, by everybody; where nobody can be asked that is on record."""
        until = time.monotonic() + self.rotating.accept_seconds
        while True:
            try:
                found, reason = self.target.acceptance(value), ""
            except DeploymentError as error:
                found, reason = "partly", str(error)
            if found in (wanted, "unknown"):
                return {"found": found}
            if time.monotonic() > until:
                which = "new" if wanted == "accepted" else "old"
                raise DeploymentError(
                    reason
                    or f"The {which} value of {self.target.name} is not {wanted} by everybody after "
                    f"{self.rotating.accept_seconds:g} s, but {found}."
                )
            time.sleep(POLL_SECONDS)

    def _move(self, status: str, **changes: Any) -> None:
        self.record = self.means.store.deployments.transition(self.lock, self.record.id, status, **changes)
        self._say(f"{self.target.name}: {status}.")

    def _end(self, status: str, reason: str, message: str) -> None:
        self._move(status, error=reason, report=self._reported(status, message, reason))
        self._audit(status)

    def _audit(self, outcome: str) -> None:
        who = self.rotating.requested_by or "unknown"
        self.means.store.audit.add("secret_rotation", who, self.target.name, outcome)

    def _say(self, line: str) -> None:
        self.means.say(self.redactor.redact(line))

    def _waiting(self, until: datetime) -> dict[str, Any]:
        return self._reported("waiting", "Both values are accepted.") | {"waiting_until": until.isoformat()}

    def _reported(self, status: str, message: str, error: str = "") -> dict[str, Any]:
        found = self.journal.data("", "prove").get("found") if status == "succeeded" else None
        return {
            "success": status == "succeeded",
            "status": status,
            "rotation": self.record.id,
            "secret": self.target.name,
            "message": message,
            "error": error,
            "old_refused": {"refused": True, None: None}.get(found),
            "waiting_until": None,
        }

    def report(self) -> dict[str, Any]:
        """What is kept of it."""
        return self.record.report or self._reported(self.record.status, "", self.record.error or "")
