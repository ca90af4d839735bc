"""How a trial's limits are shared out, so that islands in sequence and in parallel get the same."""

from __future__ import annotations

import time
from collections.abc import Callable

from dean_airflow.evolution.search.recorder import Allowance
from dean_airflow.evolution.trial_config import TrialConfig

SEARCH_SHARE = 0.6
"""Of the trial's run time; the rest is for the baseline before and for confirming, minimising and validating after."""


def allowances(config: TrialConfig, islands: int) -> list[Allowance]:
    """One an island: equal shares, counted later in each island's own running time."""
    each, extra = divmod(config.max_evaluations, islands)
    seconds = SEARCH_SHARE * config.max_runtime_minutes * 60 / islands
    return [Allowance(each + (1 if number < extra else 0), seconds) for number in range(islands)]


PROVING_SHARE = 0.2
"""Of the trial's run time, for minimising, and again for measuring each edit's effect."""
LEAST_PROVING_SECONDS = 45.0


def allowed_time(config: TrialConfig) -> Callable[[], bool]:
    """Says whether there is time left for a step of proving that begins now."""
    ends = time.monotonic() + max(LEAST_PROVING_SECONDS, PROVING_SHARE * config.max_runtime_minutes * 60)
    return lambda: time.monotonic() < ends
