"""What other services call things, in the contract's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dean_airflow.services import lenient
from dean_airflow.services.contract.trials import Trial, TrialList

STARTED = {"repository": "/r", "config": {}, "started_at": "2030-01-01T00:00:00"}


@pytest.mark.parametrize("name", ["trial_id", "cycle_id", "job_id"])
@pytest.mark.parametrize(
    ("word", "status"),
    [("started", "initializing"), ("stopped", "cancelled"), ("terminated", "failed"), ("Running", "running")],
)
def test_other_names_of_a_trials_id_and_status(name: str, word: str, status: str) -> None:
    trial = Trial.model_validate(lenient.trial({name: "t", "status": word, **STARTED}))
    assert (trial.trial_id, trial.status) == ("t", status)
    assert trial.started_at == datetime(2030, 1, 1, tzinfo=UTC)  # a naive time means UTC


@pytest.mark.parametrize("name", ["current_generation", "generation", "generations_completed"])
def test_other_names_of_its_generation(name: str) -> None:
    found = lenient.trial({"trial_id": "t", "status": "running", name: 4, **STARTED})
    assert Trial.model_validate(found).current_generation == 4


def test_what_is_absent_is_unknown() -> None:
    trial = Trial.model_validate(lenient.trial({"trial_id": "t", "status": "running", **STARTED}))
    assert (trial.diversity, trial.tokens_used, trial.total_generations, trial.paused) == (None, None, None, None)


def test_a_bare_array_is_a_list_with_a_total() -> None:
    read = lenient.listed("trials", lenient.trial)
    one = {"job_id": "t", "status": "stopped", **STARTED}
    assert TrialList.model_validate(read([one])).total == 1
    assert TrialList.model_validate(read({"trials": [one], "total": 9})).total == 9
    assert TrialList.model_validate(read({"trials": [one]})).trials[0].trial_id == "t"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Trial not found"}, "Trial not found"),
        ({"detail": [{"loc": ["body", "size"], "msg": "too big"}, {"msg": "worse"}]}, "size: too big; worse"),
        ({"detail": {"reason": "Unique constraint violation"}}, "Unique constraint violation"),
        ({"error": {"message": "no budget", "code": "X", "details": {}}}, "no budget"),
        ({"error": "short", "message": "the long form", "details": {}}, "the long form"),
        ({"error": "only this", "code": "X", "details": {}}, "only this"),
        (["unexpected"], ""),
        (None, ""),
    ],
)
def test_the_four_bodies_of_errors(body: object, said: str) -> None:
    assert lenient.error_detail(body) == said


@pytest.mark.parametrize(
    ("status", "body", "meant"),
    [
        (200, {"status": "healthy"}, ("healthy", None)),
        (200, {"status": "OK"}, ("healthy", None)),
        (200, {"status": "Up"}, ("healthy", None)),
        (200, {"status": "unhealthy"}, ("unhealthy", None)),
        (200, {"status": "warming up"}, ("degraded", "warming up")),
        (200, {}, ("degraded", None)),
        (200, "ok", ("degraded", None)),
        (200, {"a": {"status": "up"}, "b": {"status": "healthy"}}, ("healthy", None)),
        (200, {"services": {"a": {"status": "ok"}, "b": {"status": "down"}}}, ("degraded", "b not healthy")),
        (503, {"status": "unhealthy"}, ("unhealthy", "unhealthy")),
        (404, None, ("unhealthy", None)),
    ],
)
def test_what_a_health_answer_means(status: int, body: object, meant: tuple[str, str | None]) -> None:
    assert lenient.health_words(status, body) == meant


def test_figures_nested_below_metrics() -> None:
    found = lenient.population({"population_id": "p", "metrics": {"best_fitness": 0.5}})
    assert found["best_fitness"] == 0.5


def test_an_aggregate_may_be_flat() -> None:
    one = {"status": "healthy"}
    assert dict(lenient.aggregate_services({"status": "healthy", "services": {"a": one}})) == {"a": one}
    assert dict(lenient.aggregate_services({"a": one, "timestamp": "x"})) == {"a": one}


def test_an_empty_answer_to_a_delete() -> None:
    assert lenient.deleted(agent_id="a")(None) == {"status": "deleted", "agent_id": "a"}
