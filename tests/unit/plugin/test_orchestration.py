"""Evolution in the contract's words: status, list, cancel; and what stopping and taking up again refuse."""

from __future__ import annotations

import pytest

from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import crown, evolve, make_trial

pytestmark = pytest.mark.airflow

EVOLUTION = "/api/v1/orchestration/evolution"


def test_the_status_of_a_trial_under_way(plugin: Plugin) -> None:
    trial_id = make_trial(plugin.store, generations=4, population_size=10)
    plugin.store.documents.put(trial_id, "opened", {"islands": 2})
    evolve(plugin.store, trial_id)

    found = plugin.get(f"{EVOLUTION}/{trial_id}/status", user="viewer").json()

    assert (found["name"], found["status"], found["dag_run_id"]) == ("shop", "running", None)
    assert found["progress"] == {"current_generation": 1, "total_generations": 4, "percentage": 25.0}
    assert found["resource_usage"] == dict.fromkeys(
        ("tokens_used", "tokens_budget", "tokens_remaining", "usage_percentage")
    )
    assert (found["performance"]["active_agents"], found["agent_count"]) == (20, 24)
    assert found["best_agent"] == {"id": "0.0", "fitness": 0.2, "generation": 0}
    generations = found["generation_metrics"]
    assert [(one["generation"], one["evaluations"]) for one in generations] == [(0, 8), (1, 16)]
    assert generations[1]["diversity"] == pytest.approx(0.4)
    assert found["timing"]["estimated_completion"] > found["timing"]["started_at"]
    assert found["parameters"]["generations"] == 4


def test_only_the_last_ten_generations_are_told(plugin: Plugin) -> None:
    trial_id = make_trial(plugin.store, generations=15)
    evolve(plugin.store, trial_id, islands=1, generations=15)

    found = plugin.get(f"{EVOLUTION}/{trial_id}/status").json()

    assert [one["generation"] for one in found["generation_metrics"]] == list(range(4, 14))


def test_trials_are_listed_newest_first(plugin: Plugin) -> None:
    first, second = make_trial(plugin.store, "trial-00000001"), make_trial(plugin.store, "trial-00000002")
    evolve(plugin.store, first, islands=1)
    crown(plugin.store, first)

    found = plugin.get(f"{EVOLUTION}/list").json()

    assert [one["trial_id"] for one in found["trials"]] == [second, first]
    assert (found["total"], found["trials"][1]["patterns_discovered"]) == (2, 1)
    assert plugin.get(f"{EVOLUTION}/list", status="completed").json()["total"] == 1
    assert plugin.get(f"{EVOLUTION}/list", status="asleep").status_code == 422


def test_cancel_ends_a_trial_once(plugin: Plugin) -> None:
    trial_id = make_trial(plugin.store)

    cancelled = plugin.ask("POST", f"{EVOLUTION}/{trial_id}/cancel")
    again = plugin.ask("POST", f"{EVOLUTION}/{trial_id}/cancel")

    assert (cancelled.json()["trial_id"], cancelled.json()["status"]) == (trial_id, "cancelled")
    assert plugin.store.trials.get(trial_id).stop_reason == "cancelled"
    assert (again.status_code, again.json()["code"]) == (400, "INVALID_REQUEST")
    assert plugin.ask("POST", f"{EVOLUTION}/trial-x/cancel").status_code == 404
    assert plugin.get(f"{EVOLUTION}/trial-x/status").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 422),
        ({"repository": "/nowhere/at/all"}, 400),
        ({"repository": "/srv", "generations": 101}, 422),
        ({"repository": "/srv", "generations": "3"}, 422),
        ({"repository": "/srv", "parameters": {"sandbox": "off"}}, 400),
        ({"repository": "/srv", "parameters": {"no_such": 1}}, 422),
    ],
)
def test_what_cannot_be_started(plugin: Plugin, body: dict[str, object], code: int) -> None:
    answer = plugin.ask("POST", f"{EVOLUTION}/start", json=body)

    assert answer.status_code == code
    assert plugin.store.trials.count() == 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"repository": ""}, "repository"),
        ({"repository": "x", "generations": 0}, "generations"),
        ({"repository": "x", "objectives": {"runtime": 0.5}}, "objectives"),
        ({"repository": "x", "colour": "red"}, "colour"),
        ({"repository": "x", "trial_id": "../x"}, "trial_id"),
        ({"repository": "x", "trial_id": 7}, "trial_id"),
    ],
)
def test_a_form_that_is_filled_in_wrongly_names_the_field(
    plugin: Plugin, params: dict[str, object], field: str
) -> None:
    answer = plugin.ask("POST", "/api/v1/trials", json=params)

    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)
    assert plugin.store.trials.count() == 0


def test_an_id_in_use_is_a_conflict(plugin: Plugin) -> None:
    trial_id = make_trial(plugin.store)

    answer = plugin.ask("POST", "/api/v1/trials", json={"repository": "x", "trial_id": trial_id})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_only_what_stopped_in_a_run_is_taken_up_again(plugin: Plugin) -> None:
    alone = make_trial(plugin.store, "trial-00000001")
    in_run = make_trial(plugin.store, "trial-00000002", dag="dean_evolution_trial")

    def retry(trial_id: str) -> tuple[int, str]:
        answer = plugin.ask("POST", f"/api/v1/trials/{trial_id}/retry")
        return answer.status_code, answer.json()["detail"]

    assert retry(in_run) == (400, f"Trial {in_run} cannot be taken up again: it is running.")
    plugin.store.trials.transition(alone, "failed")
    assert retry(alone) == (400, f"Trial {alone} cannot be taken up again: no DAG run carries it out.")
    plugin.store.trials.transition(in_run, "failed")
    assert plugin.get(f"/api/v1/trials/{in_run}").json()["may"] == {"stop": False, "retry": True}
