"""What a user asks of one trial: the params of `dean_evolution_trial`, with their ranges and defaults."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dean_airflow.errors import ConfigurationError

SandboxRequest = Literal["auto", "full", "basic", "off"]
Objective = Literal["runtime", "memory", "complexity", "size"]
EditPolicy = Literal["preserving", "all"]
Publish = Literal["branch", "patch", "push", "none"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def check_weights(weights: dict[Objective, float]) -> dict[Objective, float]:
    """The weights as they are. Raises ValueError unless they are finite, not negative, and sum to 1."""
    if any(not math.isfinite(w) or w < 0 for w in weights.values()):
        raise ValueError("weights must be finite and not negative")
    if not math.isclose(sum(weights.values()), 1.0, abs_tol=1e-6):
        raise ValueError(f"weights must sum to 1, not {sum(weights.values()):g}")
    return weights


class TrialConfig(BaseModel):
    """Immutable; unknown names are refused. Empty strings and lists mean 'detect it from the target'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str = Field(min_length=1)
    ref: str = ""
    subfolder: str = ""
    install: list[str] | None = None
    """pip requirement arguments for the target's environment; an empty list installs nothing; None detects."""
    tests: str = ""
    """pytest arguments that select the tests, shell-quoted."""
    deselect: list[str] = []
    """Ids of tests the user accepts as failing before the trial."""
    benchmark: str = ""
    """`module:callable`, `pytest:<arguments>`, `command:<shell words>`, `suite`, or empty to detect."""
    objectives: dict[Objective, float] = {"runtime": 1.0}
    """Weights of the measured ratios; they must sum to 1."""
    files: list[str] = []
    """Globs of files that may change, relative to the project."""
    islands: int = Field(default=0, ge=0, le=64)
    """0: one under `airflow dags test`, else two."""
    population_size: int = Field(default=20, ge=5, le=100)
    generations: int = Field(default=10, ge=1, le=100)
    mutation_rate: Fraction = 0.1
    crossover_rate: Fraction = 0.7
    diversity_threshold: float = Field(default=0.3, ge=0.0, le=1.0)
    fitness_threshold: Fraction = 0.9
    max_evaluations: int = Field(default=2000, ge=1, le=1_000_000)
    max_runtime_minutes: float = Field(default=10.0, gt=0.0, le=120.0)
    migration: int = Field(default=2, ge=0, le=100)
    """Generations between two exchanges of champions among islands; 0: never."""
    seed: int = Field(default=0, ge=0)
    sandbox: SandboxRequest = "auto"
    edits: EditPolicy = "preserving"
    edit_sources: list[str] = ["catalogue", "ruff", "generic"]
    publish: Publish = "branch"

    @field_validator("objectives")
    @classmethod
    def _weights_sum_to_one(cls, weights: dict[Objective, float]) -> dict[Objective, float]:
        return check_weights(weights)

    @classmethod
    def build(cls, params: dict[str, Any]) -> TrialConfig:
        """The config for user-given params. Raises ConfigurationError naming every wrong one in one sentence."""
        try:
            return cls(**params)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')} "
                f"(got {problem['input']!r})"
                for problem in error.errors()
            )
            raise ConfigurationError(f"The trial's params are not usable: {wrong}.") from None
