"""A baseline as JSON: sets of tests are shared among lines, because there are few of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.edits.source import Site


def baseline_to_json(baseline: Baseline) -> dict[str, Any]:
    """Plain data that `baseline_from_json` turns back."""
    number = {one: index for index, one in enumerate(baseline.tests)}
    sets: dict[tuple[str, ...], int] = {}
    lines = {
        path: {str(line): sets.setdefault(tests, len(sets)) for line, tests in by_line.items()}
        for path, by_line in baseline.coverage.items()
    }
    data = asdict(replace(baseline, coverage={}))
    return {**data, "coverage": lines, "test_sets": [[number[one] for one in tests] for tests in sets]}


def baseline_from_json(data: dict[str, Any]) -> Baseline:
    """The baseline whose JSON is `data`."""
    fields = {name: value for name, value in data.items() if name != "test_sets"}
    tests = tuple(data["tests"])
    sets = [tuple(tests[number] for number in numbers) for numbers in data["test_sets"]]
    coverage = {
        path: {int(line): sets[index] for line, index in by_line.items()} for path, by_line in data["coverage"].items()
    }
    sites = tuple(Site(**site) for site in data["sites"])
    return Baseline(
        **{**fields, "tests": tests, "skipped": tuple(data["skipped"]), "sites": sites, "coverage": coverage}
    )
