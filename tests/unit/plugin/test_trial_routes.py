"""Trials over HTTP: lists, one trial, its parts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import EDITS, crown, evolve, make_trial

pytestmark = pytest.mark.airflow

TRIALS = "/api/v1/trials"


@pytest.fixture
def trial(plugin: Plugin) -> str:
    trial_id = make_trial(plugin.store)
    evolve(plugin.store, trial_id)
    return f"{TRIALS}/{trial_id}"


def test_trials_are_filtered_sorted_and_paged(plugin: Plugin) -> None:
    for number in range(5):
        make_trial(plugin.store, f"trial-0000000{number}", repository=f"/srv/{'shop' if number % 2 else 'Library'}")
    plugin.store.trials.transition("trial-00000004", "failed", error="it rained")
    crown(plugin.store, "trial-00000003")

    def ids(**asked: object) -> list[str]:
        return [row["trial_id"][-1] for row in plugin.get(TRIALS, **asked).json()["trials"]]

    assert ids() == ["4", "3", "2", "1", "0"]
    assert ids(order="asc") == ["0", "1", "2", "3", "4"]
    assert ids(status="running") == ["2", "1", "0"]
    assert ids(status=["running", "failed"]) == ["4", "2", "1", "0"]
    assert ids(outcome="improved") == ["3"]
    assert ids(q="LIBRARY") == ["4", "2", "0"]
    assert ids(q="00000001") == ["1"]
    assert ids(q="%") == []
    assert ids(sort="speedup")[0] == "3"
    assert ids(sort="speedup", order="asc")[0] == "3", "what is not known comes last in either order"
    assert ids(sort="repository", order="asc") == ["0", "2", "4", "1", "3"]
    assert set(ids(sort="duration")[:2]) == {"3", "4"}
    since = (plugin.store.now() + timedelta(hours=1)).isoformat()
    assert ids(since=since) == []
    page = plugin.get(TRIALS, limit=2, offset=2).json()
    assert ([row["trial_id"][-1] for row in page["trials"]], page["total"], page["limit"]) == (["2", "1"], 5, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"status": "asleep"}, {"sort": "colour"}, {"since": "2026-01-01"}],
)
def test_what_cannot_be_asked_is_422_with_the_contracts_body(plugin: Plugin, wrong: dict[str, object]) -> None:
    answer = plugin.get(TRIALS, **wrong)

    assert answer.status_code == 422
    body = answer.json()
    assert body["code"] == "VALIDATION_ERROR"
    assert body["details"][0]["field"].partition(".")[0] == next(iter(wrong))
    assert body["request_id"] == answer.headers["x-request-id"]


def test_one_trial(plugin: Plugin, trial: str) -> None:
    opened = {
        "islands": 2, "sandbox": "full", "environment": {"python": "3.11"},
        "baseline": {
            "tests": ["a", "b", "c"], "sites": [{}], "seconds": 0.5, "noise": 0.02, "mode": "warm", "repeats": 3,
        },
    }  # fmt: skip
    plugin.store.documents.put("trial-00000001", "opened", opened)

    found = plugin.get(trial).json()

    assert found["verdicts"] == {"win": 6, "neutral": 6, "worse": 6, "invalid": 6}
    assert (found["evaluations"], found["opened_islands"], found["diversity_threshold"]) == (24, 2, 0.3)
    assert found["baseline"] == {
        "tests": 3, "sites": 1, "seconds": 0.5, "repeats": 3, "noise": 0.02, "mode": "warm", "sandbox": "full",
        "environment": {"python": "3.11"},
    }  # fmt: skip
    assert found["may"] == {"stop": True, "retry": False}
    assert plugin.get(trial, user="viewer").json()["may"] == {"stop": False, "retry": False}
    assert found["newest_event"] == 4


def test_a_trial_that_has_just_begun(plugin: Plugin) -> None:
    trial = f"{TRIALS}/{make_trial(plugin.store)}"

    assert plugin.get(trial).json()["baseline"] is None
    assert plugin.get(f"{trial}/generations").json()["generations"] == []
    assert plugin.get(f"{trial}/candidates").json()["total"] == 0
    assert plugin.get(f"{trial}/champion").json()["state"] == "none"
    assert plugin.get(f"{trial}/lineage").json()["of"] is None
    assert plugin.get(f"{trial}/verdicts").json() == {"tallies": [], "reasons": [], "kinds": []}
    assert plugin.get(f"{trial}/patterns").json() == {"patterns": [], "total": 0}
    assert plugin.get(f"{trial}/patch").status_code == 404


def test_generations_are_those_ended_and_the_one_that_goes_on(plugin: Plugin, trial: str) -> None:
    found = plugin.get(f"{trial}/generations").json()

    assert (found["islands"], found["step"], found["diversity_threshold"]) == (2, 1, 0.3)
    first = [point for point in found["generations"] if point["island"] == 0]
    assert [point["number"] for point in first] == [0, 1, 2]
    assert [point["diversity"] for point in first] == [0.5, 0.4, None]
    assert [point["evaluations"] for point in first] == [4, 8, 12]
    assert [point["best_cost"] for point in first] == pytest.approx([0.8, 0.796, 0.792])
    assert first[0]["verdicts"] == {"win": 1, "neutral": 1, "worse": 1, "invalid": 1}


def test_candidates_are_filtered_and_sorted(plugin: Plugin, trial: str) -> None:
    def places(**asked: object) -> list[tuple[int, int]]:
        rows = plugin.get(f"{trial}/candidates", **asked).json()["candidates"]
        return [(row["island"], row["sequence"]) for row in rows]

    assert places(limit=3) == [(0, 0), (0, 4), (0, 8)]
    assert places(verdict="win", island=1, sort="cost", order="asc") == [(1, 8), (1, 4), (1, 0)]
    assert places(generation=1, island=0, sort="sequence", order="asc") == [(0, 4), (0, 5), (0, 6), (0, 7)]
    assert places(sort="cost", order="desc")[-1] == (1, 11), "no cost comes last"
    page = plugin.get(f"{trial}/candidates", verdict="invalid", offset=5).json()
    assert (page["total"], len(page["candidates"])) == (6, 1)
    assert page["candidates"][0]["reason"] == "test_parse failed"


def test_one_candidate_with_its_measurements(plugin: Plugin, trial: str) -> None:
    found = plugin.get(f"{trial}/candidates/1/2").json()

    assert (found["verdict"], found["edit_count"], found["key"]) == ("worse", 3, "key-1-2")
    assert found["explained"][0]["title"] == "Hoist regex in parse_0"
    spread = found["distribution"]
    assert (spread["count"], sum(one["count"] for one in spread["bins"])) == (40, 40)
    assert spread["lowest"] == pytest.approx(-0.2)
    assert spread["quartiles"][1] == pytest.approx(-0.005)
    assert plugin.get(f"{trial}/candidates/1/3").json()["distribution"] is None
    for missing in ("1/99", "9/0"):
        assert plugin.get(f"{trial}/candidates/{missing}").status_code == 404
    assert plugin.get(f"{trial}/candidates/x/0").status_code == 422


def test_the_champion_and_its_lineage(plugin: Plugin, trial: str) -> None:
    running = plugin.get(f"{trial}/lineage").json()
    assert running["of"] == "0.0"
    assert running["migrations"][0]["from_island"] == 0
    crown(plugin.store, "trial-00000001", diff="x" * 100_000)

    champion = plugin.get(f"{trial}/champion").json()

    assert (champion["state"], champion["speedup"], champion["branch"]) == ("published", 1.3, "dean/trial-00000001")
    edit = champion["edits"][0]
    assert (edit["text"], edit["effect"], edit["effect_interval"]) == (EDITS[0], 1.3, [1.2, 1.4])
    assert (len(edit["diff"]), edit["diff_truncated"]) == (65536, True)
    assert champion["confirmations"][0]["accepted"] is True
    assert champion["measurement"]["log_ratios"] == [[-0.2, -0.3]]
    lineage = plugin.get(f"{trial}/lineage").json()
    assert [(node["key"], node["champion"]) for node in lineage["nodes"]] == [("0.0", "published")]
    assert plugin.get(f"{trial}/patterns").json()["patterns"][0]["confirmed"] == 1
    assert plugin.get("/api/v1/patterns", q="HOIST").json()["total"] == 1
    assert plugin.get("/api/v1/patterns", q="nothing").json()["total"] == 0


def test_verdicts_reasons_and_kinds(plugin: Plugin, trial: str) -> None:
    found = plugin.get(f"{trial}/verdicts").json()

    assert {(one["verdict"], one["stage"], one["count"]) for one in found["tallies"]} == {
        ("win", "cost", 6), ("neutral", "cost", 6), ("worse", "cost", 6), ("invalid", "tests", 6),
    }  # fmt: skip
    assert found["reasons"] == [{"text": "test_parse failed", "count": 6}]
    assert found["kinds"] == [
        {"kind": "catalogue.hoist_regex", "tried": 8, "won": 2, "best": pytest.approx(1 / 0.791)},
    ]


def test_the_patch_is_a_file_to_save(plugin: Plugin, trial: str) -> None:
    stored = plugin.app.state.stored
    folder = stored._current().data_dir / "artifacts" / "trial-00000001"
    folder.mkdir(parents=True)
    (folder / "trial-00000001.patch").write_bytes(b"<script>alert(1)</script>\n")

    answer = plugin.get(f"{trial}/patch")

    assert answer.content == b"<script>alert(1)</script>\n"
    assert answer.headers["content-disposition"] == 'attachment; filename="trial-00000001.patch"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith("text/x-patch")


@pytest.mark.parametrize("odd", ["nope", "..%2f..", "%00", "a" * 300, "%3Cscript%3E", "trial-00000001%20", "é"])
def test_odd_ids_are_404(plugin: Plugin, trial: str, odd: str) -> None:
    for part in ("", "/generations", "/champion", "/patch"):
        assert plugin.get(f"{TRIALS}/{odd}{part}").status_code == 404


def test_a_repository_that_is_html_is_text_in_json(plugin: Plugin) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    trial = f"{TRIALS}/{make_trial(plugin.store, repository=hostile)}"

    answer = plugin.get(trial)

    assert answer.json()["repository"] == hostile
    assert answer.headers["content-type"] == "application/json"


def test_a_trial_removed_while_it_is_looked_at(plugin: Plugin, trial: str) -> None:
    assert plugin.get(trial).status_code == 200
    plugin.store.database.write(lambda session: session.connection().exec_driver_sql("DELETE FROM dean_trials"))

    assert {plugin.get(trial + part).status_code for part in ("", "/generations", "/candidates/0/0")} == {404}


def test_the_form_is_the_dags(plugin: Plugin) -> None:
    from dean_airflow.operators.trial_params import trial_params

    fields = plugin.get("/api/v1/trials/form").json()["fields"]

    assert [field["name"] for field in fields] == list(trial_params())
    by_name = {field["name"]: field for field in fields}
    assert by_name["repository"]["required"] is True
    assert (by_name["generations"]["schema"]["minimum"], by_name["generations"]["schema"]["maximum"]) == (1, 100)
    assert by_name["generations"]["default"] == 10
    assert by_name["publish"]["schema"]["enum"] == ["branch", "patch", "push", "none"]
