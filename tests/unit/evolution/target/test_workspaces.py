from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.workspaces import MAX_WORKSPACES, remove_orphans, workspace

LEAVE_ONE = """
import os, sys
from pathlib import Path
from dean_airflow.evolution.target.workspaces import workspace
with workspace(Path(sys.argv[1]), "killed") as place:
    (place / "file").write_text("x")
    print(place, flush=True)
    os._exit(9)
"""


def test_a_workspace_goes_with_its_block(tmp_path: Path) -> None:
    with workspace(tmp_path, "a") as place:
        (place / "read-only").mkdir()
        (place / "read-only/file").write_text("x")
        (place / "read-only").chmod(0o500)
    assert not place.exists()
    with pytest.raises(KeyError), workspace(tmp_path, "a") as place:
        raise KeyError
    assert not place.exists()


def test_there_are_at_most_twenty(tmp_path: Path) -> None:
    with ExitStack() as stack:
        places = {stack.enter_context(workspace(tmp_path, "a")) for _ in range(MAX_WORKSPACES)}
        assert len(places) == MAX_WORKSPACES == 20
        with pytest.raises(TargetError, match="20 trials at work"), workspace(tmp_path, "a"):
            pass
    with workspace(tmp_path, "a"):
        pass


def test_what_a_killed_process_leaves_is_an_orphan(tmp_path: Path) -> None:
    left = subprocess.run([sys.executable, "-c", LEAVE_ONE, str(tmp_path)], capture_output=True, text=True, check=False)
    orphan = Path(left.stdout.strip())
    assert (orphan / "file").exists(), left.stderr
    with workspace(tmp_path, "busy") as busy:
        assert remove_orphans(tmp_path, hours=1) == []
        assert remove_orphans(tmp_path, hours=0) == [orphan]
        assert busy.exists()
    assert not orphan.exists()


def test_an_orphan_takes_no_place(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_ONE, str(tmp_path)], capture_output=True, check=False)
    with ExitStack() as stack:
        for _ in range(MAX_WORKSPACES):
            stack.enter_context(workspace(tmp_path, "a"))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(TargetError, match=r"^Cannot make a workspace in .*file.*\.$"),
        workspace(tmp_path / "file", "a"),
    ):
        pass
