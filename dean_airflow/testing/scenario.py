"""Scenarios: what happens to a trial or a DAG run in a stub, written down as steps, and who goes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

StepName = Literal["start", "generation", "wait", "complete", "fail"]
"""`start`: initializing becomes running; `generation`: one more is bred and measured; `wait`: nothing; `complete`,
`fail`: the end. For a DAG run: queued becomes running; one task succeeds; nothing; success; failed.
"""
_ENDS = ("complete", "fail")


class Scenario(BaseModel):
    """A script. One that has no end stays running until it is cancelled.

    The same scenario and the same order of requests give the same ids, populations and measurements. Raises pydantic's
    ValidationError: `start` elsewhere than first, something after the end, more than 1,000 steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[StepName, ...] = Field(
        default=("start", "generation", "generation", "generation", "complete"), max_length=1000
    )
    pace: float | None = Field(
        default=0.02, ge=0, description="Seconds from one step to the next; null: only when told to advance."
    )
    seed: int = Field(default=0, description="Decides the problem and what is bred on it.")
    error: str = Field(default="The scenario ends in a failure.", description="What a trial that fails says.")

    @field_validator("steps")
    @classmethod
    def _is_a_story(cls, steps: tuple[StepName, ...]) -> tuple[StepName, ...]:
        if "start" in steps[1:] or (steps and steps[0] != "start"):
            raise ValueError("a scenario starts once, with its first step")
        if any(step in _ENDS for step in steps[:-1]):
            raise ValueError("nothing happens after a scenario's end")
        return steps

    @property
    def generations(self) -> int:
        return self.steps.count("generation")


def standard(generations: int = 3, *, pace: float | None = 0.02, seed: int = 0) -> Scenario:
    """A trial that completes after so many generations."""
    return Scenario(steps=("start", *["generation"] * generations, "complete"), pace=pace, seed=seed)  # type: ignore[arg-type]


def failing(
    generations: int = 1, *, error: str = "out of memory", pace: float | None = 0.02, seed: int = 0
) -> Scenario:
    """A trial that fails after so many generations."""
    steps = ("start", *["generation"] * generations, "fail")
    return Scenario(steps=steps, error=error, pace=pace, seed=seed)  # type: ignore[arg-type]


def hanging(generations: int = 1, *, pace: float | None = 0.02, seed: int = 0) -> Scenario:
    """A trial that runs on after so many generations, until it is cancelled."""
    return Scenario(steps=("start", *["generation"] * generations), pace=pace, seed=seed)  # type: ignore[arg-type]


class Play:
    """One trial or run on its way through a scenario. `apply` is called with each step."""

    def __init__(self, scenario: Scenario, apply: Callable[[StepName], None]) -> None:
        self.scenario = scenario
        self._apply = apply
        self._position = 0
        self.stopped = False

    @property
    def over(self) -> bool:
        """Whether no step is left, or it was stopped."""
        return self.stopped or self._position >= len(self.scenario.steps)

    def advance(self, steps: int = 1) -> int:
        """Takes up to so many steps; returns how many there were."""
        taken = 0
        while taken < steps and not self.over:
            step = self.scenario.steps[self._position]
            self._position += 1
            self._apply(step)
            taken += 1
        return taken

    def stop(self) -> None:
        """No further step, because it was cancelled or reached its goal early."""
        self.stopped = True

    async def run(self) -> None:
        """Takes the steps at the scenario's pace; returns at once where it has none."""
        while self.scenario.pace is not None and not self.over:
            await asyncio.sleep(self.scenario.pace)
            self.advance()
