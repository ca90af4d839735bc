"""One service pool per process, which is one per task: every hook of a task calls through it."""

from __future__ import annotations

import atexit
import os
import threading

from dean_airflow.airflow_services import endpoints
from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.store import Store

_lock = threading.Lock()
_pools: dict[int, SyncServicePool] = {}


def task_pool() -> SyncServicePool:
    """The process's pool, with every service that is configured; made at the first use, closed when the process ends.

    It shares circuit breakers with all other processes through the store. Raises DeanError (settings, connections, or
    the store cannot be used).
    """
    with _lock:
        pool = _pools.get(os.getpid())  # a forked child has no use for its parent's
        if pool is None:
            settings = settings_in_process()
            configured = endpoints(settings)
            store = Store.open(settings.store)
            pool = _pools[os.getpid()] = SyncServicePool(lambda: ServicePool(configured, store=store))
            atexit.register(_close, os.getpid(), pool, store)
        return pool


def _close(process: int, pool: SyncServicePool, store: Store) -> None:
    if process == os.getpid():
        pool.close()
        store.close()
