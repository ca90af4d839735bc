"""Empties the outbox: tells every receiver of every notice it wants, and remembers what it was told.

At least once: a process that is killed after telling and before remembering tells again, with the same keys. A receiver
that fails is told at the next run; it holds up no other one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from dean_airflow.errors import DeanError
from dean_airflow.store.alert_notices import Delivery, Notice
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

GIVE_UP = timedelta(hours=24)
"""A notice this old helps nobody: it is closed with its last error."""
TOGETHER = 50
"""Notices of one batch that are told at a time."""


class DeliveryError(DeanError):
    """A receiver could not be told; the text says why, without any secret of its address."""


class Receiver(Protocol):
    """Somebody who is told of alerts."""

    @property
    def name(self) -> str: ...

    def wants(self, labels: Mapping[str, str], state: str) -> bool: ...

    def send(self, notices: Sequence[Notice]) -> None:
        """Tells of notices of one state and group. Raises DeliveryError."""
        ...


@dataclass(frozen=True)
class Delivered:
    """`told` counts notices by receiver; `failed` has the error of each receiver that could not be told."""

    told: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    given_up: int = 0


def deliver(store: Store, receivers: Sequence[Receiver], run: str) -> Delivered:
    """Tells all receivers of what they have not been told yet. `run` names who does, the same at each retry.

    Raises StoreError; what was told by then is remembered.
    """
    notices = store.notices.open()
    known = store.notices.deliveries(notice.key for notice in notices)
    done = Delivered()
    for receiver in receivers:
        _tell(store, receiver, notices, known, run, done)
    return _close(store, receivers, notices, done)


def owed(store: Store, receiver: Receiver) -> list[Notice]:
    """What a receiver is to be told of and has not been. Raises StoreError."""
    notices = store.notices.open()
    known = store.notices.deliveries(notice.key for notice in notices)
    return [notice for notice in notices if _is_owed(notice, receiver, known)]


def _tell(
    store: Store,
    receiver: Receiver,
    notices: Sequence[Notice],
    known: Mapping[tuple[str, str], Delivery],
    run: str,
    done: Delivered,
) -> None:
    for together in _batches([one for one in notices if _is_owed(one, receiver, known)]):
        keys = [notice.key for notice in together]
        try:
            receiver.send(together)
        except DeliveryError as error:
            store.notices.record(keys, receiver.name, run=run, error=str(error))
            done.failed[receiver.name] = str(error)
            log.warning("%s could not be told of %d alerts: %s", receiver.name, len(keys), error)
            return  # in order, and no more calls of one that is down
        store.notices.record(keys, receiver.name, run=run)
        done.told[receiver.name] = done.told.get(receiver.name, 0) + len(keys)


def _is_owed(notice: Notice, receiver: Receiver, known: Mapping[tuple[str, str], Delivery]) -> bool:
    if not receiver.wants(notice.alert["labels"], notice.state):
        return False
    delivery = known.get((notice.key, receiver.name))
    return delivery is None or delivery.delivered_at is None


def _batches(notices: Sequence[Notice]) -> list[list[Notice]]:
    """By batch, in the order in which their first notice came, each cut into what is told at a time."""
    batches: dict[str, list[Notice]] = {}
    for notice in notices:
        batches.setdefault(notice.batch, []).append(notice)
    return [batch[start : start + TOGETHER] for batch in batches.values() for start in range(0, len(batch), TOGETHER)]


def _close(store: Store, receivers: Sequence[Receiver], notices: Sequence[Notice], done: Delivered) -> Delivered:
    known = store.notices.deliveries(notice.key for notice in notices)
    old = store.now() - GIVE_UP
    over, late = [], []
    for notice in notices:
        if not any(_is_owed(notice, receiver, known) for receiver in receivers):
            over.append(notice.key)
        elif notice.created_at < old:
            late.append(notice.key)
    if late:
        log.error("Gave up telling of %d changes of alerts: for a day somebody could not be told.", len(late))
    if over or late:
        store.notices.close([*over, *late])
    return Delivered(done.told, done.failed, len(late))
