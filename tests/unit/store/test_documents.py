from __future__ import annotations

import pytest

from dean_airflow.errors import TrialNotFound


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, [], "text \0 \ud800 ü", 0, 0.1 + 0.2, {"": {}}])
def test_a_document_reads_back_as_it_was(store, trial_id, value):
    store.documents.put(trial_id, "baseline", value)
    assert store.documents.get(trial_id, "baseline") == value


def test_the_last_one_put_counts_and_trials_are_apart(store, trial_id):
    store.trials.create("trial-b", {"repository": "elsewhere"})
    store.documents.put(trial_id, "settings", {"v": 1})
    store.documents.put(trial_id, "settings", {"v": 2})
    store.documents.put(trial_id, "baseline", 1)

    assert store.documents.get(trial_id, "settings") == {"v": 2}
    assert store.documents.names(trial_id) == ["baseline", "settings"]
    assert store.documents.get("trial-b", "settings") is None
    assert store.documents.get(trial_id, "none") is None


def test_what_json_cannot_hold_and_unknown_trials_are_refused(store, trial_id):
    with pytest.raises(TypeError, match="JSON"):
        store.documents.put(trial_id, "settings", {"path": object()})
    with pytest.raises(TrialNotFound, match="trial-none"):
        store.documents.put("trial-none", "settings", {})
    assert store.documents.names(trial_id) == []
