"""Turns the configured repositories into the DAG runs to trigger."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from dean_airflow.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Context


class ScheduledTrialsOperator(BaseOperator):
    """Answers one set of TriggerDagRunOperator arguments per repository of the `[dean] repositories` setting.

    The run ids are made of the entry and this run's id, so a retry triggers nothing twice. Every entry is checked as
    trial params first: one that is not usable fails the task, naming all such entries, before any trial starts.
    """

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Raises AirflowFailException for settings or entries that are not usable."""
        from dean_airflow.airflow_settings import settings_from_airflow
        from dean_airflow.evolution.trial_config import TrialConfig

        run_id = str(context["dag_run"].run_id)
        problems = []
        runs = []
        try:
            entries = settings_from_airflow().repositories
        except ConfigurationError as error:
            raise AirflowFailException(str(error)) from None
        for entry in entries:
            try:
                TrialConfig.build(dict(entry))
            except ConfigurationError as error:
                problems.append(f"{entry['repository']}: {error}")
            runs.append({"conf": dict(entry), "trigger_run_id": trial_run_id(entry, run_id)})
        if problems:
            raise AirflowFailException(" ".join(problems))
        return runs


def trial_run_id(entry: Mapping[str, Any], run_id: str) -> str:
    """The DAG run id for one entry of one scheduled run: readable, and different for entries of the same name."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", str(entry["repository"]).rstrip("/").removesuffix(".git").split("/")[-1])
    digest = hashlib.sha256(json.dumps([run_id, entry], sort_keys=True).encode()).hexdigest()
    return f"dean__{name}__{digest[:16]}"
