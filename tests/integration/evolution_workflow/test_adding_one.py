"""The worked example of docs/how-to/integration-tests.md, which quotes this file."""

from __future__ import annotations

import shutil
from pathlib import Path

from wheels import ROOT

from dean_airflow.config import Settings
from dean_airflow.evolution.engine import open_engine
from dean_airflow.evolution.trial import preflight
from dean_airflow.evolution.trial_config import TrialConfig


def test_a_plain_folder_is_worked_on_as_a_snapshot(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop_report", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    before = sorted(folder.rglob("*"))
    said: list[str] = []

    with open_engine(Settings(data_dir=tmp_path / "dean"), progress=said.append) as engine:
        found = preflight(TrialConfig.build({"repository": str(folder)}), engine)

    assert found["target"]["kind"] == "folder"
    assert any("not a git repository" in sentence for sentence in said)
    assert sorted(folder.rglob("*")) == before
