"""The models of the contract: strict where a server reads, tolerant where a consumer does."""

from __future__ import annotations

import inspect
import pkgutil
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from dean_airflow.services import contract
from dean_airflow.services.contract.agents import Agent, CreateAgent
from dean_airflow.services.contract.airflow import AirflowRequest, TriggerRun
from dean_airflow.services.contract.base import Answer, PagedQuery, Query, Request
from dean_airflow.services.contract.patterns import PatternQuery
from dean_airflow.services.contract.populations import CreatePopulation, PopulationMetricsQuery
from dean_airflow.services.contract.search import Search
from dean_airflow.services.contract.trials import StartTrial, Trial


def models() -> list[type[BaseModel]]:
    modules = [import_module(f"{contract.__name__}.{one.name}") for one in pkgutil.iter_modules(contract.__path__)]
    found = {one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)}
    return sorted(
        (one for one in found if issubclass(one, BaseModel) and one.__module__.startswith(contract.__name__)),
        key=lambda one: one.__name__,
    )


def test_every_model_is_a_request_a_query_or_an_answer() -> None:
    kinds = (Request, Query, Answer, AirflowRequest)
    assert [one.__name__ for one in models() if not issubclass(one, kinds)] == []
    assert len(models()) > 60


@pytest.mark.parametrize("model", [one for one in models() if issubclass(one, Request)], ids=lambda one: one.__name__)
def test_a_request_ignores_what_it_does_not_know_and_bounds_what_it_does(model: type[BaseModel]) -> None:
    assert model.model_config["strict"] and model.model_config["extra"] == "ignore"
    for name, schema in model.model_json_schema().get("properties", {}).items():
        for one in [schema, *schema.get("anyOf", ())]:
            if one.get("type") == "string" and "enum" not in one and "const" not in one:
                assert "maxLength" in one, name
            if one.get("type") == "array":
                assert "maxItems" in one, name


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (StartTrial, {}),
        (StartTrial, {"repository": ""}),
        (StartTrial, {"repository": "/r", "generations": 0}),
        (StartTrial, {"repository": "/r", "generations": 101}),
        (StartTrial, {"repository": "/r", "generations": False}),
        (StartTrial, {"repository": "/r", "generations": "10"}),
        (StartTrial, {"repository": "/r", "generations": 10.0}),
        (StartTrial, {"repository": "/r", "population_size": 4}),
        (StartTrial, {"repository": "/r", "mutation_rate": 1.1}),
        (StartTrial, {"repository": "/r", "mutation_rate": True}),
        (StartTrial, {"repository": "/r", "mutation_rate": float("nan")}),
        (StartTrial, {"repository": "/r", "max_runtime_minutes": 121}),
        (StartTrial, {"repository": "/r", "diversity_threshold": 0.05}),
        (StartTrial, {"repository": "/r", "cellular_automata_rules": [256]}),
        (StartTrial, {"repository": "/r", "parameters": []}),
        (CreateAgent, {"name": "a", "token_budget": 99}),
        (CreateAgent, {"name": 7}),
        (CreatePopulation, {"size": 4}),
        (CreatePopulation, {"selection_method": "luck"}),
        (Search, {"query": ""}),
        (Search, {"query": "x", "limit": 1001}),
        (TriggerRun, {"dag_run_id": "r"}),
        (TriggerRun, {"logical_date": None, "surprise": 1}),
        (TriggerRun, {"logical_date": "2030-01-01T00:00:00"}),
    ],
)
def test_requests_that_are_refused(model: type[BaseModel], body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(body)


def test_requests_that_are_good() -> None:
    config = StartTrial.model_validate({"repository": "/r", "mutation_rate": 1, "unknown": "ignored"})
    assert (config.generations, config.population_size, config.fitness_threshold) == (10, 20, 0.9)
    assert TriggerRun.model_validate({"logical_date": "2030-01-01T00:00:00Z"}).logical_date is not None
    assert Search.model_validate({"query": "x", "filters": {"language": "python", "new": 1}}).limit == 10


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"offset": "-1"}, {"limit": "false"}])
def test_pages_out_of_range_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PagedQuery.model_validate(query)


def test_queries_are_text_and_know_aliases() -> None:
    query = PatternQuery.model_validate({"type": "innovation", "effectiveness_min": "0.3", "limit": "7"})
    assert (query.wanted_type, query.wanted_effectiveness, query.limit) == ("innovation", 0.3, 7)
    with pytest.raises(ValidationError):  # a naive time in a request
        PopulationMetricsQuery.model_validate({"start_time": "2030-01-01T00:00:00"})


def test_an_answer_reads_naive_times_as_utc_and_writes_an_offset() -> None:
    trial = Trial.model_validate(
        {
            "trial_id": "t", "repository": "/r", "config": {}, "status": "running",
            "started_at": "2030-01-01T02:00:00+02:00", "completed_at": "2030-01-01T00:00:00", "new_in_2031": [1],
        }
    )  # fmt: skip
    assert trial.started_at == trial.completed_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert trial.model_dump(mode="json")["started_at"] == "2030-01-01T00:00:00Z"


def test_what_is_not_measured_is_not_zero() -> None:
    agent = Agent.model_validate(
        {"id": "a", "name": "a", "config": {"name": "a"}, "created_at": "2030-01-01T00:00:00Z"}
    )
    assert agent.fitness_score is None
    assert agent.model_dump()["fitness_score"] is None
