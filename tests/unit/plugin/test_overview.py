"""The overview, and what the caller may do."""

from __future__ import annotations

import pytest

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import crown, evolve, make_trial

pytestmark = pytest.mark.airflow


def test_the_overview_of_an_empty_store(plugin: Plugin) -> None:
    found = plugin.get("/api/v1/overview").json()

    assert found["counts"] == {"running": 0, "improved": 0, "no_improvement": 0, "failed": 0, "cancelled": 0}
    assert (found["services"], found["running"], found["recent"], found["alerts"]) == ([], [], [], [])


def test_the_overview(plugin: Plugin) -> None:
    store = plugin.store
    running, ended = make_trial(store, "trial-00000001"), make_trial(store, "trial-00000002")
    evolve(store, ended, islands=1)
    crown(store, ended)
    at = to_ms(store.now())
    labels = (("service_name", "evolution"),)
    History(store).append(
        [
            Sample("evolution", "dean_service_health", 1.0, at, labels),
            *(Sample("evolution", "dean_health_check_duration_seconds", 0.02, at - 1000 * n) for n in range(70)),
        ]
    )

    found = plugin.get("/api/v1/overview", user="viewer").json()

    assert [row["trial_id"] for row in found["running"]] == [running]
    assert [(row["trial_id"], row["outcome"], row["speedup"]) for row in found["recent"]] == [(ended, "improved", 1.3)]
    assert (found["counts"]["running"], found["counts"]["improved"], found["patterns"]) == (1, 1, 1)
    service = found["services"][0]
    assert (service["name"], service["status"], service["latency_ms"]) == ("evolution", "up", 20.0)
    assert len(service["latency"]) == 50
    assert service["latency"][-1] == [at / 1000, 20.0]


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ("viewer", {"see_trials", "see_metrics", "see_deployments"}),
        ("nightly", set()),
        ("watcher", {"see_metrics", "silence", "administer"}),
    ],
)
def test_what_the_caller_may_do(plugin: Plugin, user: str, may: set[str]) -> None:
    found = plugin.get("/api/v1/me", user=user).json()

    if user == "nightly":
        may = {"administer"}
    assert (found["user"], {name for name, allowed in found["may"].items() if allowed}) == (user, may)


def test_an_admin_may_everything(plugin: Plugin) -> None:
    assert all(plugin.get("/api/v1/me").json()["may"].values())


def test_who_may_see_no_metrics_gets_none(plugin: Plugin) -> None:
    make_trial(plugin.store, dag="dean_scheduled_trials")

    found = plugin.get("/api/v1/overview", user="nightly").json()

    assert (found["services"], found["alerts"], len(found["running"])) == (None, None, 1)
    assert plugin.get("/api/v1/overview", user="outsider").status_code == 403
