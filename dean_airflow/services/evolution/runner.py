"""Whoever carries out the trials that a server is asked for."""

from __future__ import annotations

from typing import Any, Protocol

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.server.caller import Caller


class Runner(Protocol):
    async def start(
        self, trial_id: str, config: TrialConfig, request: dict[str, Any], caller: Caller, credential: Any
    ) -> None:
        """Returns once the trial is in the store and will be run, also if this process ends now.

        Repeating it for the same id is harmless. `credential` is what the mounting app was asked with.
        """
        ...

    async def cancel(self, trial_id: str, caller: Caller, credential: Any) -> None:
        """Stops the trial and what it started; the store has it as cancelled when this returns."""
        ...

    async def check(self) -> None:
        """Returns when trials can be run; raises an exception that says why not."""
        ...
