"""The form of dean_evolution_trial asks for exactly what a trial takes, and refuses what a trial refuses."""

from __future__ import annotations

from typing import Any

import pytest

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.trial_config import TrialConfig

pytestmark = pytest.mark.airflow

NONSENSE: dict[str, list[Any]] = {
    "repository": ["", 5, None],
    "install": ["pip", 3],
    "deselect": ["a test"],
    "files": [7],
    "objectives": [[], {"beauty": 1.0}],
    "edits": ["some"],
    "edit_sources": ["catalogue"],
    "islands": [-1, 65, 1.5],
    "population_size": [4, 101, "many"],
    "generations": [0, 101],
    "mutation_rate": [-0.1, 1.1],
    "crossover_rate": [-0.1, 1.1],
    "diversity_threshold": [-0.1, 1.1],
    "migration": [-1, 101],
    "seed": [-1],
    "fitness_threshold": [-0.1, 1.1],
    "max_evaluations": [0, 1_000_001],
    "max_runtime_minutes": [0, 120.5],
    "sandbox": ["none"],
    "publish": ["everywhere"],
}


def test_the_form_has_every_field_of_a_trial_and_its_defaults() -> None:
    from dean_airflow.operators.trial_params import trial_params

    params = trial_params()
    defaults = {name: params[name].value for name, field in TrialConfig.model_fields.items() if not field.is_required()}

    assert set(params) - {"trial_id"} == set(TrialConfig.model_fields)
    assert TrialConfig(repository="x", **defaults) == TrialConfig(repository="x")


def test_every_field_of_the_form_is_explained() -> None:
    from dean_airflow.operators.trial_params import trial_params

    unexplained = [
        name
        for name, param in trial_params().items()
        if not (param.description and param.schema.get("title") and param.schema.get("section"))
    ]
    assert unexplained == []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in NONSENSE.items() for value in values])
def test_nonsense_is_refused_by_the_form_and_by_the_trial(name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    from dean_airflow.operators.trial_params import trial_params

    with pytest.raises(ParamValidationError):
        trial_params()[name].resolve(value)
    with pytest.raises(ConfigurationError, match=name):
        TrialConfig.build({"repository": "x", **{name: value}})


def test_a_trial_id_is_no_path() -> None:
    from airflow.sdk.exceptions import ParamValidationError

    from dean_airflow.operators.trial_params import trial_params

    assert trial_params()["trial_id"].resolve("trial-0123456789ab") == "trial-0123456789ab"
    with pytest.raises(ParamValidationError):
        trial_params()["trial_id"].resolve("../../etc")
