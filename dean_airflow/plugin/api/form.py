"""The form that starts a trial, as data: the params of `dean_evolution_trial`, so that it can ask for nothing else."""

from __future__ import annotations

from functools import cache
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.operators.trial_params import trial_params
from dean_airflow.plugin.api.models import Form, FormField


@cache
def trial_form() -> Form:
    return Form(fields=[_field(name, param) for name, param in trial_params().items()])


def _field(name: str, param: Any) -> FormField:
    schema = dict(param.schema)
    title, section = schema.pop("title", name), schema.pop("section", "")
    own = TrialConfig.model_fields.get(name)
    required = own is not None and own.is_required()
    return FormField(
        name=name,
        title=title,
        description=param.description or "",
        section=section,
        required=required,
        default=None if required else param.value,
        json_schema=schema,
    )
