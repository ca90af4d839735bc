"""Waiting in the triggerer until services are healthy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dean_airflow.remote_setup import opening_module


class ServiceHealthTrigger(BaseTrigger):
    """Looks every `interval` seconds; its event says healthy, timeout (after `timeout` seconds) or failed.

    :param connections: connection id of each kind of service.
    :param interval: seconds between two looks.
    :param timeout: seconds after which it gives up.
    :param accept_degraded: whether a degraded service will do.
    """

    def __init__(
        self, connections: Mapping[str, str], interval: float, timeout: float, accept_degraded: bool = True
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.connections = dict(connections)
        self.interval = interval
        self.timeout = timeout
        self.accept_degraded = accept_degraded

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "dean_airflow.triggers.service_health.ServiceHealthTrigger",
            {
                "connections": self.connections,
                "interval": self.interval,
                "timeout": self.timeout,
                "accept_degraded": self.accept_degraded,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from dean_airflow.errors import DeanError

        end = time.monotonic() + self.timeout
        try:
            while True:
                healthy, sentence = await look_once(self.connections, self.accept_degraded)
                if healthy:
                    yield TriggerEvent({"status": "healthy", "message": sentence})  # type: ignore[no-untyped-call]
                    return
                if time.monotonic() >= end:
                    break
                self.log.info("%s", sentence)
                await asyncio.sleep(min(self.interval, max(0.0, end - time.monotonic())))
        except DeanError as error:
            yield TriggerEvent({"status": "failed", "message": str(error)})  # type: ignore[no-untyped-call]
            return
        yield TriggerEvent({"status": "timeout", "message": f"After {self.timeout:g} s: {sentence}"})  # type: ignore[no-untyped-call]


async def look_once(connections: Mapping[str, str], accept_degraded: bool) -> tuple[bool, str]:
    """Whether all are healthy, and a sentence that says how each is. Raises DeanError for an unusable connection."""
    opening = await opening_module()
    async with opening.opened_pool(connections) as pool:
        health = await pool.check_all_services()
    good = {"healthy", "degraded"} if accept_degraded else {"healthy"}
    each = [
        f"{name} is {one.status}" + (f" ({one.error or one.text})" if one.error or one.text else "")
        for name, one in sorted(health.services.items())
    ]
    needed = [one for one in health.services.values() if one.required]
    return all(one.status in good for one in needed), "; ".join(each) + "."
