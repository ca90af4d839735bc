"""How a remote trial is started and followed, as opposed to what the trial itself is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.trial_config import TrialConfig

DEFAULT_TIMEOUT = 3600.0
SECONDS_PER_MINUTE_ALLOWED = 120.0
"""A trial gets twice the time it may search for: installing, measuring and validating take the rest."""


@dataclass(frozen=True)
class RemoteOptions:
    """Times are in seconds, each above 0. Raises ConfigurationError for one that is not."""

    timeout_seconds: float | None = None
    """For the whole trial. None: 120 for each of the trial's `max_runtime_minutes` where those are given, else 3600."""
    poll_seconds: float = 10.0
    """Between two looks at the trial, if its live updates do not ask for one sooner."""
    status_errors: int = 30
    """So many looks in a row may fail in a passing way (no answer, 5xx, nonsense) before the trial is given up."""
    pause_seconds: float = 1.0
    """Before a step that failed in a passing way is taken again; twice that before the third time."""
    probe_seconds: float = 5.0
    """Between two probes of IndexAgent while the trial runs."""
    probe_timeout_seconds: float = 3.0
    """For one of them. With five probes, a second apart after the first failure, its circuit is open within 30 s."""
    exchange_seconds: float = 30.0
    """At least so often the patterns of one service are told to the other, if there are new ones."""
    population: bool = True
    """Make a population at IndexAgent for the trial, where one is configured."""
    trigger_dag: bool = True
    """Trigger `dean_evolution_trial` for the trial, where Airflow's API is configured and we are outside of it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or value is None:
                continue
            if not isinstance(value, int | float) or not value > 0:
                raise ConfigurationError(f"{field.name} of a remote trial must be a number above 0, not {value!r}.")

    def changed(self, values: Mapping[str, Any]) -> RemoteOptions:
        """With some of them replaced. Raises ConfigurationError for a name that is none or a value out of range."""
        if unknown := sorted(set(values) - OPTION_NAMES):
            raise ConfigurationError(f"A remote trial has no option {', '.join(unknown)}.")
        return replace(self, **values)

    def deadline(self, config: TrialConfig) -> float:
        """Seconds the whole trial may take."""
        if self.timeout_seconds is not None:
            return self.timeout_seconds
        if "max_runtime_minutes" in config.model_fields_set:
            return SECONDS_PER_MINUTE_ALLOWED * config.max_runtime_minutes
        return DEFAULT_TIMEOUT


OPTION_NAMES = frozenset(field.name for field in fields(RemoteOptions))
