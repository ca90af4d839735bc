"""Each seeded defect is found once, in its file and line, and nothing else is said."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from dean_airflow.deployment.place import Place

from ...deployments.build import write
from ...deployments.defect import Defect
from ...deployments.defects import DEFECTS, PROBED_ALONE
from .conftest import Validate

ROWS = [f"M{number:02d}" for number in range(1, 100)]


def _marked(defect: Defect) -> object:
    return pytest.param(defect, id=defect.name, marks=[pytest.mark.slow] if defect.id == "M80" else [])


@pytest.mark.parametrize("defect", [_marked(defect) for defect in DEFECTS])
def test_it_is_found(validate: Validate, tmp_path: Path, defect: Defect) -> None:
    files = defect.files()
    root = write(tmp_path / defect.base, files)
    expected = Place(defect.file, defect.expected_line(files))

    result = validate(root, environment=defect.environment, dags=defect.id == "M80")

    found = [f for f in result.findings if f.id == defect.id and expected in (f.place, *f.also)]
    assert len(found) == 1, [f"{f.id} {f.place} {f.what}" for f in result.findings]
    assert defect.severity in (None, found[0].severity)
    others = [f"{f.id} {f.place} {f.what}" for f in result.findings if f not in found and f.id not in defect.also]
    assert others == []
    assert [each for each in result.not_checked if "probes" not in each.message] == []


def test_every_row_that_files_can_show_is_seeded_in_two_deployments() -> None:
    bases = defaultdict(set)
    for defect in DEFECTS:
        bases[defect.id].add(defect.base)

    few = {row: sorted(bases[row]) for row in ROWS if row not in PROBED_ALONE and len(bases[row]) < 2}
    assert few == {}
