"""Trials as a page lists them: filters, orders, and what documents have at a path; on every database."""

from __future__ import annotations

from dean_airflow.store.store import Store
from dean_airflow.store.trial_pages import TrialFilter, TrialOrder

DAGS = frozenset({None, "dean_evolution_trial"})


def make(store: Store, number: int, *, dag: str | None = None, repository: str = "/srv/shop") -> str:
    trial_id = f"trial-0000000{number}"
    store.trials.create(trial_id, {"repository": repository}, dag_id=dag)
    return trial_id


def end(store: Store, trial_id: str, status: str, **changes: object) -> None:
    store.trials.transition(trial_id, "initializing")
    if status == "completed":
        store.trials.transition(trial_id, "running")
    store.trials.transition(trial_id, status, **changes)


def listed(store: Store, wanted: TrialFilter, order: TrialOrder = "created_at", *, descending: bool = True) -> str:
    found, total = store.trial_pages.page(wanted, order=order, descending=descending, limit=100, offset=0)
    assert total == len(found)
    return "".join(trial.id[-1] for trial in found)


def test_every_order_on_every_database(store: Store) -> None:
    for number, repository in enumerate(("/srv/b", "/srv/A", "/srv/c")):
        make(store, number, repository=repository)
    end(store, "trial-00000000", "completed", outcome="improved", result={"speedup": 1.5})
    end(store, "trial-00000001", "completed", outcome="improved", result={"speedup": 2.25})
    everything = TrialFilter(DAGS)

    assert listed(store, everything, "speedup") == "102"
    assert listed(store, everything, "speedup", descending=False) == "012"
    assert listed(store, everything, "repository", descending=False) == "102"
    assert listed(store, everything, "created_at", descending=False) == "012"
    assert listed(store, everything, "completed_at")[-1] == "2"
    assert listed(store, everything, "duration")[-1] == "2"
    assert listed(store, everything, "status", descending=False) == "012"
    assert len(listed(store, everything, "fitness")) == 3


def test_filters_combine(store: Store) -> None:
    make(store, 1, repository="/srv/100%_done")
    make(store, 2, dag="dean_evolution_trial", repository="/srv/other")
    make(store, 3, dag="team_secret", repository="/srv/other")
    end(store, "trial-00000002", "failed")

    assert listed(store, TrialFilter(DAGS)) == "12"
    assert listed(store, TrialFilter({"team_secret"})) == "3"
    assert listed(store, TrialFilter(())) == ""
    assert listed(store, TrialFilter(DAGS, text="%_D")) == "1"
    assert listed(store, TrialFilter(DAGS, text="_")) == "1", "no wildcard"
    assert listed(store, TrialFilter(DAGS, statuses=("failed",), text="OTHER")) == "2"
    assert listed(store, TrialFilter(DAGS, outcomes=("improved",))) == ""
    assert store.trial_pages.dags() == {None, "dean_evolution_trial", "team_secret"}
    assert store.trial_pages.counts(DAGS) == {
        "running": 1, "improved": 0, "no_improvement": 0, "failed": 1, "cancelled": 0,
    }  # fmt: skip


def test_documents_are_looked_into(store: Store) -> None:
    trial_id = make(store, 1)
    store.documents.put(trial_id, "opened", {"islands": 2, "a": {"list": [1, 2, 3], "text": "ä", "none": None}})
    paths = {
        "islands": ("islands",), "length": ("a", "list", "#"), "text": ("a", "text"), "none": ("a", "none"),
        "absent": ("b", "c"), "whole": ("a",),
    }  # fmt: skip

    found = store.trial_pages.within(trial_id, "opened", paths)

    assert found == {
        "islands": 2, "length": 3, "text": "ä", "none": None, "absent": None,
        "whole": {"list": [1, 2, 3], "text": "ä", "none": None},
    }  # fmt: skip
    assert store.trial_pages.within(trial_id, "unheard-of", {"x": ("a",), "y": ("b", "#")}) == {"x": None, "y": None}
