"""Whole trials without Airflow: the stages one after the other, on the bundled examples."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import load_settings
from dean_airflow.evolution.trial import (
    Engine,
    catalogue_patterns,
    close_trial,
    confirm_champion,
    evolve_island,
    open_engine,
    open_trial,
    preflight,
    publish,
    validate_champion,
)
from dean_airflow.evolution.trial_config import TrialConfig
from tests.resilience.trials import TARGET
from tests.unit.evolution.repositories import Repository, every_file
from tests.unit.evolution.workshops import write

EXAMPLES = Path(__file__).parents[3] / "examples"
TRIAL = "trial-00000000beef"
SHORT = {"max_evaluations": 12, "population_size": 5, "generations": 1, "islands": 1, "max_runtime_minutes": 4}


def repository(example: str, folder: Path) -> Repository:
    """A bundled example as a repository of a user's, with one commit and something not yet committed."""
    shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    made = Repository(folder)
    made.commit(message="first")
    return made


def run(target: Repository, home: Path, **params: Any) -> tuple[dict[str, Any], Engine]:
    settings = load_settings(
        {"AIRFLOW__DEAN__DATA_DIR": str(home / "data"), "AIRFLOW__DEAN__SCRATCH_DIR": str(home / "scratch")}
    )
    config = TrialConfig.build({"repository": str(target.path), **SHORT, **params})
    with open_engine(settings) as engine:
        preflight(config, engine)
        for island in open_trial(TRIAL, config, engine)["islands"]:
            evolve_island(TRIAL, island, engine)
        confirm_champion(TRIAL, engine)
        validate_champion(TRIAL, engine)
        publish(TRIAL, engine)
        catalogue_patterns(TRIAL, engine)
        result = close_trial(TRIAL, engine, succeeded=True)
        assert [path for path in (home / "scratch").iterdir() if path.is_dir()] == []
    return result, engine


@pytest.mark.slow
def test_a_repository_that_can_be_improved_gets_a_branch_with_what_was_claimed(tmp_path: Path) -> None:
    target = repository("shop_report", tmp_path.resolve() / "shop_report")
    target.write({"notes.txt": "not committed"})
    before = every_file(target.path)
    head = target.git("rev-parse", "HEAD")
    result, _ = run(target, tmp_path.resolve() / "home")

    assert (result["status"], result["outcome"]) == ("completed", "improved")
    low, high = result["speedup_interval"]
    assert 1.0 < low <= result["speedup"] <= high
    assert result["fitness"] == pytest.approx(1 - 1 / result["speedup"], abs=1e-3)
    assert result["evaluations"] <= 12

    assert result["branch"] == f"dean/{TRIAL}"
    commits = target.git("rev-list", f"{head}..{result['branch']}").split()
    assert len(commits) == len(result["champion_edits"]) > 0
    assert target.git("rev-parse", "HEAD") == head
    assert target.git("status", "--porcelain") == "?? notes.txt"
    after = every_file(target.path)
    assert {name: text for name, text in after.items() if not name.startswith(".git/")} == {
        name: text for name, text in before.items() if not name.startswith(".git/")
    }

    patched = Repository(tmp_path.resolve() / "patched")
    patched.git("pull", "--quiet", str(target.path), "main")
    applied = subprocess.run(
        ["git", "apply", "--index", result["patch"]], cwd=patched.path, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, applied.stderr
    assert patched.git("write-tree") == target.git("rev-parse", f"{result['branch']}^{{tree}}")

    report = json.loads(Path(result["report"]).with_suffix(".json").read_text())
    for name in ("trial_id", "status", "outcome", "speedup", "champion_edits", "branch"):
        assert report[name] == result[name]


@pytest.mark.slow
def test_a_repository_with_nothing_to_win_claims_nothing(tmp_path: Path) -> None:
    target = repository("already_fast", tmp_path.resolve() / "already_fast")
    before = every_file(target.path)
    result, _ = run(target, tmp_path.resolve() / "home")
    assert (result["status"], result["outcome"]) == ("completed", "no_improvement")
    assert (result["speedup"], result["branch"], result["patch"], result["champion_edits"]) == (None, None, None, [])
    assert every_file(target.path) == before
    assert Path(result["report"]).is_file()


def test_counted_costs_go_the_whole_way_in_a_short_trial(tmp_path: Path) -> None:
    """Size is counted, so the outcome is certain and nothing has to be measured again and again."""
    target = Repository(tmp_path.resolve() / "words")
    write(target.path, TARGET)
    target.commit(message="first")
    result, _ = run(target, tmp_path.resolve() / "home", objectives={"size": 1.0}, edit_sources=["catalogue", "ruff"])
    assert (result["status"], result["outcome"]) == ("completed", "improved")
    assert result["champion_edits"]
    sizes = [len(target.git("show", f"{name}:words.py")) for name in ("main", result["branch"])]
    assert sizes[0] > sizes[1]
    assert result["speedup"] == pytest.approx(sizes[0] / sizes[1], rel=0.01)
