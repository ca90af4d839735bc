from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from dean_airflow.evolution.outcome.branches import TrialBranch, remove_branch, trial_branches
from dean_airflow.evolution.outcome.edits import Handover, branch_name
from dean_airflow.evolution.outcome.publish import publish_champion
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.outcome.test_publish import EDITS
from tests.unit.evolution.repositories import project_repository


def test_branches_of_mirrors_are_listed_and_removed(tmp_path: Path) -> None:
    user, cache = project_repository(tmp_path / "user"), tmp_path / "cache"
    target = resolve(TrialConfig(repository=user.path.as_uri()), cache)
    for trial in ("trial-a1", "trial-b2"):
        publish_champion(Handover(trial, target, EDITS, 0), "branch", cache, UPath(tmp_path / "artifacts"), tmp_path)
    found = trial_branches(cache)
    assert [branch.trial_id for branch in found] == ["trial-a1", "trial-b2"]
    remove_branch(found[0])
    remove_branch(found[0])
    assert trial_branches(cache) == found[1:]


def test_a_users_own_repository_is_not_searched(tmp_path: Path) -> None:
    user, cache = project_repository(tmp_path / "user"), tmp_path / "cache"
    target = resolve(TrialConfig(repository=str(user.path)), cache)
    publish_champion(Handover("trial-a1", target, EDITS, 0), "branch", cache, UPath(tmp_path / "artifacts"), tmp_path)
    assert user.git("branch", "--list", "dean/*")
    assert trial_branches(cache) == []


@pytest.mark.parametrize("trial_id", ["", "-x", "a/../b", "a b", "a..b", "é", "x" * 101, "a\n"])
def test_only_ids_make_branch_names(trial_id: str) -> None:
    with pytest.raises(ValueError, match="not a trial's id"):
        branch_name(trial_id)


def test_removal_takes_ids_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a trial's id"):
        remove_branch(TrialBranch(tmp_path / "x.git", "../main"))
