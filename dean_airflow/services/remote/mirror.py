"""Our own record of a remote trial: a trial of the store like any other, kept in step with what the service says.

Everything here blocks on the store; asynchronous callers use a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Any

from dean_airflow.errors import IllegalTransition, TrialCancelled
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.contract.trials import Trial as RemoteTrialState
from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from dean_airflow.store.trials import Trial

DOCUMENT = "remote"
"""Name of the trial's document that says where it runs: service, trial_id there, population_id, dag_run_id, paused."""
_LEASE = timedelta(minutes=10)
"""Longer than any pause between two looks, so that maintenance does not take a quiet trial for abandoned."""


@dataclass(frozen=True)
class Origin:
    """Who started the trial: an Airflow run and its attempt, or nobody of Airflow."""

    execution: str = ""
    dag_id: str | None = None
    run_id: str | None = None


class LocalTrial:
    """Progress is written under the trial's lease, so only the newest process that follows it writes."""

    def __init__(self, store: Store, trial_id: str) -> None:
        self.store = store
        self.trial_id = trial_id
        self._lease: Lease | None = None

    def open(self, config: TrialConfig, origin: Origin) -> Trial:
        """The trial, made or taken up again. Raises TrialCancelled if it was stopped for this attempt."""
        trials = self.store.trials
        asked = config.model_dump(mode="json")
        trial = trials.create(
            self.trial_id, asked, dag_id=origin.dag_id, run_id=origin.run_id, execution=origin.execution
        )
        if trial.status in ("failed", "cancelled"):
            raise TrialCancelled(f"Trial {self.trial_id} is {trial.status}; clear or start it again to go on.")
        return trials.transition(self.trial_id, "initializing") if trial.status == "pending" else trial

    def require_going(self) -> None:
        """Raises TrialCancelled once somebody stopped the trial, LeaseLost once another process follows it."""
        if self._lease is None:
            self._lease = self.store.leases.acquire(self.trial_id, 0, f"remote {self.trial_id}", _LEASE)
        else:
            self._lease = self.store.leases.renew(self._lease)

    def place(self) -> dict[str, Any]:
        """Where it runs, as DOCUMENT says; empty before it was started."""
        return dict(self.store.documents.get(self.trial_id, DOCUMENT) or {})

    def placed(self, **where: Any) -> None:
        """It runs there now; `trial_id` is its id there."""
        self.store.documents.put(self.trial_id, DOCUMENT, where)
        if self.store.trials.get(self.trial_id).status == "initializing":
            self.store.trials.transition(self.trial_id, "running")
        self.store.events.append(self.trial_id, "trial_started", where, key=f"started-{where['trial_id']}")

    def paused(self, service: str | None) -> None:
        """The trial waits for this service; None: it goes on."""
        waiting = {"paused": service is not None, "waits_for": service}
        self.store.documents.put(self.trial_id, DOCUMENT, {**self.place(), **waiting})
        kind = "trial_resumed" if service is None else "trial_paused"
        self.store.events.append(self.trial_id, kind, {"service": service})

    def progressed(self, state: RemoteTrialState, tell: Callable[[dict[str, Any]], object]) -> None:
        """Writes down and tells every generation that is new, each once and in order, however many came since.

        Raises TrialCancelled, LeaseLost.
        """
        self.require_going()
        assert self._lease is not None
        reached = list(accumulate(state.improvements))
        for number in range(self._told(state.trial_id) + 1, state.current_generation + 1):
            known = number <= len(reached)
            best = min(1.0, max(0.0, reached[number - 1])) if known else state.best_fitness
            if number == state.current_generation:
                best = state.best_fitness  # a service may count an initial fitness that no improvement holds
            generation = {
                "island": 0,
                "number": number,
                "best_fitness": best,
                "improvement": state.improvements[number - 1] if known else None,
                "diversity": state.diversity if number == state.current_generation else None,
                "remote_trial_id": state.trial_id,
            }
            self.store.trials.progress(self._lease, number, best)
            self.store.events.append(
                self.trial_id, "generation", generation, key=f"generation-{state.trial_id}-{number}"
            )
            tell({"trial_id": self.trial_id, **generation})

    def completed(self, result: dict[str, Any]) -> dict[str, Any]:
        """The trial's end and result; one that ended otherwise meanwhile stays so. Raises TrialCancelled."""
        changes = {"outcome": result["outcome"], "stop_reason": result["stop_reason"], "result": result}
        try:
            self.store.trials.transition(self.trial_id, "completed", **changes)
        except IllegalTransition as refused:
            raise TrialCancelled(str(refused)) from None
        self._ended("completed")
        return result

    def stopped(self, status: str, stop_reason: str, error: str | None, result: dict[str, Any]) -> dict[str, Any]:
        """The trial's end as failed or cancelled; one that is final already keeps its status, and gets a result."""
        trial = self.store.trials.get(self.trial_id)
        if not trial.is_final:
            changes = {"stop_reason": stop_reason, "error": error}
            trial = self.store.trials.transition(self.trial_id, status, **changes)
        elif trial.status == "completed":
            return trial.result or result
        result = {**result, "status": trial.status, "stop_reason": trial.stop_reason, "error": trial.error}
        self.store.trials.update(self.trial_id, result=result)
        self._ended(trial.status)
        return result

    def _ended(self, status: str) -> None:
        trial = self.store.trials.get(self.trial_id)
        self.store.events.append(
            self.trial_id, f"trial_{status}", {"outcome": trial.outcome}, key=f"trial_{status}-{trial.attempt}"
        )
        if self._lease is not None:
            self.store.leases.release(self._lease)
            self._lease = None

    def _told(self, remote_id: str) -> int:
        """The last generation of the remote trial that is on record."""
        numbers = [
            event.data["number"]
            for event in self.store.events.since(self.trial_id)
            if event.kind == "generation" and event.data.get("remote_trial_id") == remote_id
        ]
        return max(numbers, default=0)
