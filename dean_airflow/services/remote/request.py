"""What a trial's params are in the words of the Evolution contract."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.contract.trials import REQUEST_KEY, StartTrial

_LOWEST_DIVERSITY = 0.1
_CONTRACTS_OWN = (
    "repository",
    "generations",
    "population_size",
    "mutation_rate",
    "crossover_rate",
    "fitness_threshold",
    "max_runtime_minutes",
    "diversity_threshold",
)


def start_request(config: TrialConfig, key: str, population_ids: Sequence[str] = ()) -> StartTrial:
    """The body of a start. What the contract has no field for travels in `parameters`, and so does the key by which
    the trial is found again. Minutes are whole there, so they are rounded up; diversity begins at 0.1.
    """
    own: dict[str, Any] = {name: getattr(config, name) for name in _CONTRACTS_OWN}
    own["max_runtime_minutes"] = math.ceil(config.max_runtime_minutes)
    own["diversity_threshold"] = max(_LOWEST_DIVERSITY, config.diversity_threshold)
    given = config.model_dump(mode="json", include=config.model_fields_set - set(_CONTRACTS_OWN))
    if population_ids:
        own["population_ids"] = list(population_ids)
    return StartTrial(**own, parameters={**given, REQUEST_KEY: key})
