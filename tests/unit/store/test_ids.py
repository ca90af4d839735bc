from __future__ import annotations

import re
import uuid

from dean_airflow.store.ids import new_pattern_id, new_trial_id, trial_id_of_run

STORE = "2f1c9c2e-58f6-4b67-9d3f-0f9b8b7f7a11"


def test_a_run_s_trial_id_is_the_contract_s_and_the_same_each_time():
    expected = uuid.uuid5(uuid.uuid5(uuid.UUID(STORE), "dag"), "run").hex[:12]

    assert trial_id_of_run(STORE, "dag", "run") == f"trial-{expected}" == trial_id_of_run(STORE, "dag", "run")


def test_store_dag_and_run_each_make_another_trial():
    names = [(STORE, "dag", "run"), (STORE, "dag2", "run"), (STORE, "dag", "run2"), (str(uuid.uuid4()), "dag", "run")]
    assert len({trial_id_of_run(*name) for name in names}) == 4
    assert trial_id_of_run(STORE, "ab", "c") != trial_id_of_run(STORE, "a", "bc")


def test_other_ids_are_random_with_a_prefix():
    for make, prefix in ((new_trial_id, "trial"), (new_pattern_id, "pattern")):
        made = {make() for _ in range(1000)}
        assert len(made) == 1000
        assert all(re.fullmatch(rf"{prefix}-[0-9a-f]{{8,}}", one) for one in made)


def test_the_store_derives_ids_from_its_own(store):
    assert store.trial_id_of_run("dag", "run") == trial_id_of_run(store.id, "dag", "run")
