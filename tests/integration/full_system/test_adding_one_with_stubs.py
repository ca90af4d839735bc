"""The worked example of docs/how-to/integration-tests.md that uses stubs; the guide quotes this file."""

from __future__ import annotations

import pytest

from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.testing import StubServices, standard


@pytest.mark.anyio
async def test_a_start_whose_answer_is_lost_is_one_trial(stub_services: StubServices) -> None:
    evolution = stub_services.evolution
    evolution.scenario = standard(generations=2, pace=None)
    evolution.faults.add("lose_answer", method="POST", path="/evolution/start")

    async with stub_services.pool() as pool:
        trial = await pool.evolution.start(StartTrial(repository="shop"))
        evolution.advance(trial.trial_id, steps=4)
        ended = await pool.evolution.trial(trial.trial_id)

    assert list(evolution.trials) == [trial.trial_id]
    assert (ended.status, ended.current_generation) == ("completed", 2)
