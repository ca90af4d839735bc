"""Waiting for a remote trial in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dean_airflow.remote_setup import RemoteSetup, opening_module

GOING_ON = {None, "none", "scheduled", "queued", "restarting", "running", "deferred", "up_for_retry"}
"""States of a task whose trial another attempt attaches to; any other state means that somebody ended the task."""


class RemoteTrialTrigger(BaseTrigger):
    """Follows a remote trial until it has ended there, its deadline has passed or it is out of sight.

    Live updates come over the service's WebSocket, with polling beside it and in its place where there is none. Each
    generation is a line in the task's log and is kept in DEAN's store. The one event says how it ended: `status` is
    ended, timeout, cancelled or lost, `message` a sentence.

    When a user marks the task as failed or succeeded, the trial is cancelled at the service. When the task is cleared
    it is not: the next attempt attaches to it.

    :param setup: what RemoteSetup.serialized gave.
    :param remote_id: the trial's id at the service.
    """

    def __init__(self, setup: Mapping[str, Any], remote_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.setup = RemoteSetup(**setup)
        self.remote_id = remote_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "dean_airflow.triggers.trial.RemoteTrialTrigger",
            {"setup": self.setup.serialized(), "remote_id": self.remote_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(await self._ending())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Called only when a user acted on the task."""
        if await asyncio.to_thread(self._goes_on):
            self.log.info("The task was cleared; its next attempt attaches to the remote trial.")
            return
        async with self.setup.opened(say=self.log.info) as trial:
            await trial.stop()
        self.log.info("The remote trial %s was cancelled.", self.remote_id)

    async def _ending(self) -> dict[str, str]:
        await opening_module()
        from dean_airflow.errors import DeanError, LeaseLost, TrialCancelled
        from dean_airflow.services.remote.trial import TrialTimeout

        try:
            async with self.setup.opened(self._tell, self.log.info) as trial, trial.deadline():
                state = await trial.follow(self.remote_id)
            return {"status": "ended", "message": f"The remote trial {self.remote_id} is {state.status}."}
        except TrialTimeout as error:
            return {"status": "timeout", "message": str(error)}
        except (TrialCancelled, LeaseLost) as error:
            return {"status": "cancelled", "message": str(error)}
        except DeanError as error:
            return {"status": "lost", "message": str(error)}

    def _tell(self, generation: dict[str, Any]) -> None:
        self.log.info("Generation %s: best fitness %.4f", generation["number"], generation["best_fitness"])

    def _goes_on(self) -> bool:
        """Is the task still to be done? Asked of Airflow, which tells a trigger only that somebody acted."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self.task_instance
        if ti is None:
            return False
        try:
            found = RuntimeTaskInstance.get_task_states(
                dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
            )
        except Exception as error:
            self.log.warning("What became of the task cannot be found out, so its trial is cancelled: %s", error)
            return False
        states = found.get(ti.run_id, {})
        name = ti.task_id if ti.map_index is None or ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
        return states.get(name) in GOING_ON
