"""The journal of one attempt: each step is on record before it is taken and after it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.errors import DeanError, DeploymentLockLost
from dean_airflow.store.deployment_locks import DeploymentLock

Key = tuple[str, str]
"""A service (empty: the whole deployment) and an action."""
UNDO = "undo"
TRIES = 3
"""How often a step back is tried: there is nothing else to fall back on."""


class Journal:
    def __init__(self, means: Means, lock: DeploymentLock, deployment_id: str, attempt: int) -> None:
        self._means, self._lock, self._id, self._attempt = means, lock, deployment_id, attempt
        self._states: dict[Key, str] = {}
        self._data: dict[Key, dict[str, Any]] = {}
        for line in means.store.deployment_steps.of_attempt(deployment_id, attempt):
            self._note((line.service, line.action), line.state, line.data)

    def state(self, service: str, action: str) -> str | None:
        """intent, done, failed, compensated, or None where it was never begun."""
        return self._states.get((service, action))

    def data(self, service: str, action: str) -> dict[str, Any]:
        """What was written down when the step was begun, and what it answered."""
        return self._data.get((service, action), {})

    def open_steps(self) -> list[Key]:
        """The steps that may have had an effect and were not taken back, in the order they were begun."""
        return [key for key, state in self._states.items() if state != "compensated"]

    def take(
        self, service: str, action: str, do: Callable[[], dict[str, Any] | None], data: dict[str, Any] | None = None
    ) -> None:
        """Takes a step unless it is done. One that a crash interrupted is taken again: every step may be.

        Raises whatever the step raises, after that is on record.
        """
        if self.state(service, action) == "done":
            return
        begun = self.data(service, action) or data or {}
        self._write(service, action, "intent", begun)
        try:
            self._means.at(f"{service}:{action}:before")
            answer = do() or {}
            self._means.at(f"{service}:{action}:after")
        except DeploymentLockLost:
            raise
        except Exception as error:
            self._write(service, action, "failed", {**begun, "error": _said(error)})
            raise
        self._write(service, action, "done", {**begun, **answer})

    def take_back(self, service: str, action: str, undo: Callable[[], object] | None) -> str:
        """Takes a step back; answers why that failed, empty where it did not. Raises DeploymentLockLost alone."""
        begun = {name: value for name, value in self.data(service, action).items() if name != "error"}
        if undo is None:
            self._write(service, action, "compensated", begun)
            return ""
        reason = ""
        for _ in range(TRIES):
            self._write(service, action, "intent", {**begun, UNDO: True})
            try:
                self._means.at(f"{service}:{action}:undo-before")
                undo()
                self._means.at(f"{service}:{action}:undo-after")
            except DeploymentLockLost:
                raise
            except Exception as error:
                reason = _said(error)
                self._write(service, action, "failed", {**begun, UNDO: True, "error": reason})
                continue
            self._write(service, action, "compensated", begun)
            return ""
        return reason

    def _write(self, service: str, action: str, state: str, data: dict[str, Any]) -> None:
        self._means.store.deployment_steps.append(
            self._lock, self._id, action, state, service=service, data=data, attempt=self._attempt
        )
        self._note((service, action), state, data)

    def _note(self, key: Key, state: str, data: dict[str, Any]) -> None:
        self._states[key] = state
        self._data[key] = {name: value for name, value in data.items() if name != UNDO}


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, DeanError) else f"{type(error).__name__}: {error}"
