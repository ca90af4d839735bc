"""The diffs of candidates: made from the sources that the trial kept, shown piece by piece, whatever their size."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from upath import UPath

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.outcome.sources import keep_sources, read_sources
from dean_airflow.store.evaluations import NumberedEvaluation
from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import make_trial

pytestmark = pytest.mark.airflow

SOURCE = """import re

def parse(lines):
    found = []
    for line in lines:
        found.append(re.match('a', line))
    return found
"""
EDIT = "catalogue.append_to_comprehension pkg/mod.py::parse#*"
CANDIDATE = "/api/v1/trials/trial-00000001/candidates/0/0"


def judged(plugin: Plugin, genome: tuple[str, ...] = (EDIT,)) -> None:
    trial_id = make_trial(plugin.store)
    lease = plugin.store.leases.acquire(trial_id, 0, "a test", timedelta(minutes=1))
    plugin.store.evaluations.add(lease, [NumberedEvaluation(0, 0, Evaluation("k", genome, "win", "cost"))])


@pytest.fixture
def folder(tmp_path: Path) -> UPath:
    path = tmp_path / "dean" / "artifacts" / "trial-00000001"
    path.mkdir(parents=True, exist_ok=True)
    return UPath(path)


def test_sources_come_back_as_they_were(folder: UPath) -> None:
    tree = {"a/b.py": "x = 'ä'\r\n", "c.py": "", "no_newline.py": "y"}
    keep_sources(folder, tree)
    assert read_sources((folder / "sources.zip").read_bytes()) == tree


def test_a_candidates_diff_and_its_file(plugin: Plugin, folder: UPath) -> None:
    judged(plugin)
    keep_sources(folder, {"pkg/mod.py": SOURCE})

    found = plugin.get(f"{CANDIDATE}/diff").json()

    assert found["diff"].startswith("--- a/pkg/mod.py\n+++ b/pkg/mod.py\n")
    assert "+    found = [re.match" in found["diff"]
    assert (found["truncated"], found["next_offset"]) == (False, None)
    whole = plugin.get(f"{CANDIDATE}/patch")
    assert whole.text == found["diff"]
    assert whole.headers["content-disposition"] == 'attachment; filename="trial-00000001-0-0.patch"'


def test_without_the_sources_or_with_an_edit_that_does_not_apply(plugin: Plugin, folder: UPath) -> None:
    judged(plugin, ("catalogue.hoist_regex pkg/gone.py::parse#*",))

    assert plugin.get(f"{CANDIDATE}/diff").status_code == 404
    keep_sources(folder, {"pkg/mod.py": SOURCE})
    refused = plugin.get(f"{CANDIDATE}/diff")
    assert (refused.status_code, "pkg/gone.py" in refused.json()["detail"]) == (409, True)
    assert plugin.get(f"{CANDIDATE[:-1]}7/diff").status_code == 404


def test_ten_megabytes_come_in_pieces_that_make_the_whole(plugin: Plugin, folder: UPath) -> None:
    judged(plugin)
    long_comment = "".join(f"    # {number} ä {'x' * 90}\n" for number in range(100_000))
    keep_sources(folder, {"pkg/mod.py": SOURCE})
    key = ("trial-00000001", (EDIT,))
    plugin.app.state.diffs._known[key] = long_comment.encode()

    pieces, offset = [], 0
    while offset is not None:
        piece = plugin.get(f"{CANDIDATE}/diff", offset=offset)
        assert len(piece.content) < 300_000
        pieces.append(piece.json()["diff"])
        offset = piece.json()["next_offset"]

    assert len(long_comment.encode()) > 10_000_000
    assert "".join(pieces) == long_comment
    assert all(piece.endswith("\n") for piece in pieces)
    beyond = plugin.get(f"{CANDIDATE}/diff", offset=2**40).json()
    assert (beyond["diff"], beyond["next_offset"]) == ("", None)


def test_a_line_without_an_end_is_cut_between_letters() -> None:
    from dean_airflow.plugin.api.diffs import cut

    text = "ä" * 1000
    pieces, offset = [], 0
    while offset is not None:
        piece = cut(text.encode(), offset, 101)
        pieces.append(piece.diff)
        offset = piece.next_offset
    assert "".join(pieces) == text
