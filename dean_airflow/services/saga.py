"""Sagas: work at several services that is either carried through or taken back.

There is no transaction across services. So each step is written down before its call (intent) and after it (outcome),
and has a key made of trial, attempt and step, which travels with the call. Whoever runs a saga again after a crash
repeats no step that is done; one whose outcome was never written is first looked up by its key. Taking back goes in
reverse; what cannot be taken back is listed, and the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dean_airflow.errors import DeanError
from dean_airflow.store.sagas import SagaRecord, Sagas, SagaStep

Outcome = dict[str, Any]
Outcomes = Mapping[str, Outcome]
"""What the steps before have come to, by the step's name."""

UNDO_SECONDS = 30.0
"""For taking one step back: enough for the retries of a call, and short enough for a task that is being killed."""


@dataclass(frozen=True)
class Step:
    """One call of a saga.

    `do(key, outcomes)` makes the call and answers what later steps and the undoing must know, as JSON. `undo(outcome)`
    takes it back and succeeds also where there is nothing left to take back; a step without one has no effect worth
    that. `look_up(key, outcomes)` finds what an earlier `do` with this key has come to, None for nothing; a step
    without one may simply be done again.
    """

    name: str
    do: Callable[[str, Outcomes], Awaitable[Outcome]]
    undo: Callable[[Outcome], Awaitable[None]] | None = None
    look_up: Callable[[str, Outcomes], Awaitable[Outcome | None]] | None = None


class NotTakenBack(DeanError):
    """An earlier attempt still has something at a service that could not be taken back, so no other one begins."""


class Saga:
    """The steps of one trial's attempt. Opening it takes it over from any process that worked at it before.

    Every method may raise StoreError, and LeaseLost once another process has taken the saga over.
    """

    def __init__(self, sagas: Sagas, trial_id: str, steps: Sequence[Step], say: Callable[[str], object]) -> None:
        """Raises TrialNotFound."""
        self._sagas = sagas
        self._steps = steps
        self._say = say
        self._trial_id = trial_id
        self._held = sagas.open(trial_id)

    @classmethod
    async def open(cls, sagas: Sagas, trial_id: str, steps: Sequence[Step], say: Callable[[str], object]) -> Saga:
        """The same without blocking the event loop. One that was being taken back is so first, to its end.

        Raises NotTakenBack where that fails.
        """
        saga = await asyncio.to_thread(cls, sagas, trial_id, steps, say)
        if saga.record.state == "compensating":
            left = await saga.compensate()
            if left:
                raise NotTakenBack(f"An earlier attempt of trial {trial_id} could not be taken back: {'; '.join(left)}")
            saga._held = await asyncio.to_thread(sagas.open, trial_id)
        return saga

    @property
    def record(self) -> SagaRecord:
        """The saga as it was when it was opened."""
        return self._held

    def key(self, step: str) -> str:
        """The step's idempotency key: the same for every process and retry of this attempt."""
        return f"{self._trial_id}/{self._held.attempt}/{step}"

    async def outcomes(self) -> dict[str, Outcome]:
        """Of the steps that are done."""
        record = await self._latest()
        return {step.name: step.outcome or {} for step in record.steps if step.state == "done"}

    async def run(self, *, upto: str | None = None) -> dict[str, Outcome]:
        """Takes the steps that are not done yet, to the one named `upto` or to the last; what all have come to.

        Raises what a step raises; that step is then to be looked up when the saga is run again.
        """
        done = await self.outcomes()
        begun = {step.name for step in (await self._latest()).steps}
        for step in self._steps:
            if step.name not in done:
                done[step.name] = await self._take(step, done, unsure=step.name in begun)
            if step.name == upto:
                return done
        await asyncio.to_thread(self._sagas.turn, self._held, "completed")
        return done

    async def compensate(self) -> list[str]:
        """Takes back, in reverse, what was done; one sentence for each step for which that failed.

        The saga is compensated only when there is none; until then it may be called again.
        """
        await asyncio.to_thread(self._sagas.turn, self._held, "compensating")
        record = await self._latest()
        known = {step.name: step for step in self._steps}
        outcomes = {step.name: step.outcome or {} for step in record.steps if step.outcome is not None}
        failures = []
        for taken in reversed(record.steps):
            if taken.state == "undone":
                continue
            try:
                async with asyncio.timeout(UNDO_SECONDS):
                    await self._take_back(known.get(taken.name), taken, outcomes)
            except (DeanError, TimeoutError, OSError) as error:
                sentence = str(error) or f"it took longer than {UNDO_SECONDS:g} s"
                failures.append(f"{taken.name}: {sentence}")
                self._say(f"Step {taken.name} could not be taken back: {sentence}")
                await self._write(taken.name, "undo_failed", error=sentence)
            else:
                await self._write(taken.name, "undone")
        if not failures:
            await asyncio.to_thread(self._sagas.turn, self._held, "compensated")
        return failures

    async def _take(self, step: Step, outcomes: Outcomes, *, unsure: bool) -> Outcome:
        key = self.key(step.name)
        await asyncio.to_thread(self._sagas.intend, self._held, step.name, key)
        found = await step.look_up(key, outcomes) if unsure and step.look_up else None
        if found is not None:
            self._say(f"Step {step.name} had been taken before; going on from there.")
        outcome = found if found is not None else await step.do(key, outcomes)
        await self._write(step.name, "done", outcome=outcome)
        return outcome

    async def _take_back(self, step: Step | None, taken: SagaStep, outcomes: Outcomes) -> None:
        if step is None or step.undo is None:
            return
        outcome = taken.outcome
        if taken.outcome is None and step.look_up is not None:  # intended, and nobody knows what came of it
            outcome = await step.look_up(taken.key, outcomes)
        if outcome is None:
            return
        await self._write(taken.name, "undoing", outcome=outcome)
        await step.undo(outcome)

    async def _write(self, name: str, state: str, *, outcome: Outcome | None = None, error: str | None = None) -> None:
        await asyncio.to_thread(self._sagas.record, self._held, name, state, outcome=outcome, error=error)

    async def _latest(self) -> SagaRecord:
        return await asyncio.to_thread(self._sagas.latest, self._trial_id) or self._held
