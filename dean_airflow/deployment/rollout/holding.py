"""Keeps the lock of a site while there is work, and says when it was lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeanError, DeploymentLockLost
from dean_airflow.store.deployment_locks import DeploymentLock


class Holding:
    """`keep` says whether the lock outlives this piece of work, because another task goes on."""

    def __init__(self, lock: DeploymentLock) -> None:
        self.lock = lock
        self.keep = False


@contextlib.contextmanager
def holding(means: Means, site: Site, deployment_id: str) -> Iterator[Holding]:
    """The site's lock, renewed by a thread; released on every way out, or left for the next task where `keep` is set.

    Raises DeploymentLocked where another deployment has it.
    """
    locks = means.store.deployment_locks
    held = Holding(locks.acquire(site.id, deployment_id, means.lock_ttl))
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(means.lock_ttl.total_seconds() / 3):
            try:
                locks.renew(held.lock)
            except DeploymentLockLost:
                return  # the next write says so
            except DeanError as error:
                means.say(f"The lock could not be renewed: {error}")

    thread = threading.Thread(target=renew, name="deployment lock", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(DeploymentLockLost):
            if held.keep:
                locks.renew(held.lock, means.lock_gap)
            else:
                locks.release(held.lock)
