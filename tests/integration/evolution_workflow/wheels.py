"""The wheel of this source tree, for the tests of what users install."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def tracked_files(*folders: str) -> list[Path]:
    """Files of the source tree below the folders, relative to its root: what git knows, and what is new."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def build_wheel(folder: Path) -> Path:
    """The wheel, built from a copy of the sources in `folder`, so that no build leaves anything in the tree."""
    sources = folder / "sources"
    for path in tracked_files(
        "dean_airflow", "dags", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"
    ):
        (sources / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, sources / path)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(sources)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return next(folder.glob("*.whl"))
