"""How many seeded defects are found, in the right file and line: one at a time, and several in one deployment."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.figure import Figure
from dean_airflow.deployment.checks.registry import shipped_checks
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.validator import DeploymentValidator
from tests.deployments.build import files_of, write
from tests.deployments.defect import Defect, Files
from tests.deployments.defects import DEFECTS

TOGETHER = 3
ALONE = frozenset({"M04", "M10", "M48", "M49", "M80", "M85"})
"""Rows that take away what another defect is in: a file that cannot be read, a Dockerfile or a mount that is gone."""


def run(minutes: float | None) -> list[Figure]:
    """defect_recall: the share found, in percent."""
    chosen = random.Random(1).sample(DEFECTS, 40) if minutes else DEFECTS
    missed: list[str] = []
    looked = 0
    for group in [*([defect] for defect in chosen), *_groups(chosen)]:
        found = _found(group)
        if found is None:
            continue
        looked += len(group)
        missed += [f"{defect.name} (of {len(group)})" for defect in group if defect not in found]
    share = 100 * (looked - len(missed)) / looked
    detail = {"defects": len(chosen), "looked_for": looked, "missed": missed[:20]}
    return [Figure("defect_recall", round(share, 2), "%", "higher", 100, detail)]


def _groups(defects: list[Defect]) -> list[list[Defect]]:
    """Defects of one deployment that can stand together, a few at a time."""
    by_base: dict[tuple[str, str | None], list[Defect]] = defaultdict(list)
    for defect in defects:
        if not defect.also and defect.line is not None and defect.id not in ALONE:
            by_base[(defect.base, defect.environment)].append(defect)
    groups = []
    for same in by_base.values():
        random.Random(7).shuffle(same)
        once = list({defect.id: defect for defect in same}.values())
        groups += [once[at : at + TOGETHER] for at in range(0, len(once) - 1, TOGETHER)]
    return [group for group in groups if _go_together({defect.id for defect in group}) and len(group) > 1]


def _go_together(ids: set[str]) -> bool:
    """Each row once, and none whose change takes another's defect away (a file that makes a missing directory)."""
    return not any(pair <= ids for pair in ({"M77", "M94"}, {"M37", "M39"}))


def _found(group: list[Defect]) -> list[Defect] | None:
    """Those of the group that are found; None where their changes do not go together."""
    files: Files = dict(files_of(group[0].base))
    try:
        for defect in group:
            for change in defect.changes:
                change(files)
        lines = [defect.expected_line(files) for defect in group]
    except (AssertionError, KeyError, StopIteration):
        return None
    if len({(defect.file, line) for defect, line in zip(group, lines, strict=True)}) < len(group):
        return None  # a host that is no service has no port that could differ
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        root = write(Path(name) / group[0].base, files)
        imported = any(defect.id == "M80" for defect in group)  # importing DAGs takes seconds
        checks = [check for check in shipped_checks() if imported or check.name != "dag_imports"]
        validator = DeploymentValidator(
            root, environment=group[0].environment, with_probes=False, checks=checks, shell={}
        )
        findings = validator.validate().findings
    return [
        defect
        for defect, line in zip(group, lines, strict=True)
        if any(f.id == defect.id and Place(defect.file, line) in (f.place, *f.also) for f in findings)
    ]
