"""Keeps the lock of a site while there is work, and says when it was lost."""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Iterator

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeanError, DeploymentLocked, DeploymentLockLost
from dean_airflow.store.deployment_locks import DeploymentLock

STEP_SECONDS = 120.0
"""How long a process that lost the lock may take for the step it is in."""
POLL_SECONDS = 0.1


class Holding:
    """`keep` says whether the lock outlives this piece of work, because another task goes on."""

    def __init__(self, lock: DeploymentLock) -> None:
        self.lock = lock
        self.keep = False


@contextlib.contextmanager
def holding(means: Means, site: Site, deployment_id: str) -> Iterator[Holding]:
    """The site's lock, renewed by a thread; released on every way out, or left for the next task where `keep` is set.

    A process that had the lock before and is still in the middle of a step is waited for, so that no two of them work
    on the machine at once. Raises DeploymentLocked where another deployment has the lock, or that process does not end.
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
        with _alone(site):
            yield held
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(DeploymentLockLost):
            if held.keep:
                locks.renew(held.lock, means.lock_gap)
            else:
                locks.release(held.lock)


@contextlib.contextmanager
def _alone(site: Site) -> Iterator[None]:
    """The store's lock fences writes to the store; this one is let go of only by the end of a step, or of a process."""
    site.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (site.sockets / f"{site.id}.lock").open("w") as file:
        until = time.monotonic() + STEP_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise DeploymentLocked(
                        f"A process that had the lock of {site.directory} before is still at work; try again later."
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
