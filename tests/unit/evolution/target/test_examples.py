"""The bundled examples are what their READMEs say: nothing to install, green, with a seeded benchmark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dean_airflow.evolution.target.detect import detect
from dean_airflow.evolution.target.target import Checkout, Workload
from dean_airflow.evolution.trial_config import TrialConfig

EXAMPLES = Path(__file__).parents[4] / "examples"
FILES = {
    "shop_report": tuple(f"shop_report/{name}.py" for name in ("__init__", "orders", "summary", "text")),
    "already_fast": ("checksums.py",),
}
TWICE = "import benchmark; print(benchmark.run(1) == benchmark.run(1) != benchmark.run(2))"


@pytest.mark.parametrize("name", sorted(FILES))
def test_an_example_is_a_target_as_it_is(tmp_path: Path, name: str) -> None:
    copy = tmp_path / name
    shutil.copytree(EXAMPLES / name, copy)
    settings = detect(Checkout(copy, copy), TrialConfig(repository=str(copy)))
    assert settings.install == ()
    assert settings.workload == Workload("callable", "benchmark:run")
    assert settings.files == FILES[name]
    assert settings.skipped_files == ()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    suite = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *(settings.tests or ())]
    for command in (["-c", TWICE], suite):
        done = subprocess.run(
            [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "True" in done.stdout or "passed" in done.stdout
