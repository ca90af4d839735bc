"""A remote trial whose server is killed and started again in its middle ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dean_airflow.evolution.coordinator import EvolutionTrialCoordinator
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store
from tests.resilience.trials import TARGET
from tests.unit.evolution.workshops import write

from .served import ServedEvolution

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

PARAMS: dict[str, Any] = {
    "objectives": {"size": 1.0},
    "max_evaluations": 60,
    "population_size": 8,
    "generations": 6,
    "fitness_threshold": 1.0,
    "max_runtime_minutes": 10,
    "edit_sources": ["catalogue", "ruff"],
    "seed": 5,
    "islands": 1,
    "publish": "patch",
    "poll_seconds": 0.2,
    "status_errors": 1000,
}


def test_a_trial_goes_on_after_its_server_was_killed(airflow_home: Path, tmp_path: Path) -> None:
    repository = tmp_path / "words"
    write(repository, TARGET)
    told: list[int] = []
    with ServedEvolution(tmp_path / "server") as server, Store.open(f"sqlite:///{tmp_path / 'ours.db'}") as store:

        def hear(generation: dict[str, Any]) -> None:
            told.append(generation["number"])
            if len(told) == 2:
                server.kill()
                server.start()

        pool = ServicePool([server.endpoint()], store=store, retry=RetryPolicy(first=0.1))
        ended = EvolutionTrialCoordinator(pool, PARAMS, hear).run_trial(str(repository))

        assert ended.errors == []
        assert (ended.status, ended.result["outcome"]) == ("completed", "improved")
        assert told == list(range(1, ended.generations_completed + 1))
        assert Path(ended.result["patch"]).read_text().startswith("From ")
        with Store.open(f"sqlite:///{tmp_path / 'server' / 'dean.db'}") as theirs:
            (trial,) = theirs.trials.list()
        assert trial.id == ended.result["remote"]["trial_id"]
        assert trial.status == "completed"
        assert store.trials.get(ended.trial_id).result == ended.result
