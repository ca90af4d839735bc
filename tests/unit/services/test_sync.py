"""The pool in code that is not asynchronous."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import PoolClosed, ServiceUnavailable
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool

from .conftest import QUICK
from .scripted import nobody


def pool() -> ServicePool:
    url = asyncio.run(nobody())
    return ServicePool([ServiceEndpoint("evolution", "evolution", url)], retry=QUICK)


def threads() -> int:
    return sum(thread.name.startswith("dean-services") for thread in threading.enumerate())


def test_one_thread_and_one_pool_serve_all_callers_and_end_with_it() -> None:
    pools: list[ServicePool] = []

    async def which(pool: ServicePool) -> None:
        pools.append(pool)

    made = ServicePool()
    before = threads()
    with SyncServicePool(lambda: made) as sync:
        assert threads() == before
        callers = [threading.Thread(target=sync.run, args=(which,)) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert threads() == before + 1
    assert threads() == before
    assert pools == [made] * 8


def test_what_is_raised_there_is_raised_here() -> None:
    made = pool()
    with SyncServicePool(lambda: made) as sync, pytest.raises(ServiceUnavailable):
        sync.run(lambda services: services.evolution.trial("trial-1"))


def test_a_closed_one_says_so() -> None:
    sync = SyncServicePool(ServicePool)
    sync.close()
    with pytest.raises(PoolClosed):
        sync.run(lambda services: services.check_all_services())


def test_a_signal_cancels_what_is_waited_for() -> None:
    """As Airflow stops a task: a handler raises while `run` waits."""
    cancelled = threading.Event()

    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    async def wait_for_ever(services: ServicePool) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with SyncServicePool(ServicePool) as sync, pytest.raises(Stopped):
            sync.run(wait_for_ever)
        assert cancelled.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_closing_ends_what_is_still_under_way() -> None:
    sync = SyncServicePool(ServicePool)
    begun, ended = threading.Event(), threading.Event()

    async def wait_for_ever(services: ServicePool) -> None:
        begun.set()
        await asyncio.Event().wait()

    def call() -> None:
        with pytest.raises(BaseException):  # noqa: B017
            sync.run(wait_for_ever)
        ended.set()

    caller = threading.Thread(target=call)
    caller.start()
    begun.wait()
    sync.close()
    caller.join()
    assert ended.is_set()
