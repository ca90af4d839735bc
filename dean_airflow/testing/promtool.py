"""Prometheus' own `promtool`, where there is one: checks expositions, and judges alert rules for us to compare with."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.metrics.alerts.offline import replay
from dean_airflow.metrics.alerts.promql import series_text, to_prometheus_rules
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.series_file import SeriesFile, format_values

VARIABLE = "PROMTOOL"
"""The environment variable that names the binary, where it is not on the PATH."""

MISSING = f"there is no promtool on the PATH, and {VARIABLE} names none"


def find_promtool() -> str | None:
    """The path of promtool: what the variable names, else what is on the PATH."""
    named = os.environ.get(VARIABLE)
    return shutil.which(named) if named else shutil.which("promtool")


@dataclass(frozen=True)
class AlertCase:
    """Rules and the series to judge them by; `seed` made both."""

    seed: int
    rules: RuleSet
    series: SeriesFile


@dataclass(frozen=True)
class Difference:
    """An evaluation at which promtool sees other alerts than we do: its own words."""

    seed: int
    said: str


def differing_verdicts(cases: Sequence[AlertCase], folder: Path, promtool: str) -> tuple[list[Difference], int]:
    """Where promtool's verdicts differ from ours, and how many were compared: one for each alert state and evaluation.

    Our states of every evaluation are written down as what promtool shall expect of `ALERTS`; all it says against
    them is a difference. Raises RuntimeError where promtool cannot run the files at all.
    """
    files, compared = {}, 0
    for case in cases:
        rules = folder / f"rules-{case.seed}.yaml"
        rules.write_text(json.dumps(to_prometheus_rules(case.rules)))
        expected = _expectations(case)
        compared += len(expected)
        test = folder / f"test-{case.seed}.yaml"
        test.write_text(json.dumps(_test_file(case, rules, expected)))
        files[str(test)] = case.seed
    command = [promtool, "test", "rules", *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    differences = _read(done.stdout, files)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not differences):
        raise RuntimeError(f"promtool could not judge: {done.stdout.strip()[:2000]}")
    return differences, compared


def _expectations(case: AlertCase) -> list[dict[str, object]]:
    expected: list[dict[str, object]] = []
    for step in replay(case.rules, case.series.reader(), 0, case.series.end, case.series.evaluate_every):
        samples = [
            {"labels": series_text("ALERTS", {**alert.labels, "alertstate": alert.state}), "value": 1}
            for alert in step.alerts
        ]
        expected.append({"expr": "ALERTS", "eval_time": f"{step.time}ms", "exp_samples": samples})
    return expected


def _test_file(case: AlertCase, rules: Path, expected: list[dict[str, object]]) -> dict[str, object]:
    return {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{case.series.evaluate_every}ms",
        "tests": [
            {
                "interval": f"{case.series.interval}ms",
                "input_series": [
                    {"series": series_text(one.metric, one.labels), "values": format_values(one.values)}
                    for one in case.series.series
                ],
                "promql_expr_test": expected,
            }
        ],
    }


def _read(output: str, files: dict[str, int]) -> list[Difference]:
    differences = []
    seed = -1
    for block in re.split(r"\n(?=\s*(?:Unit Testing:|expr:))", "\n" + output):
        text = block.strip()
        if text.startswith("Unit Testing:"):
            seed = files.get(text.splitlines()[0].removeprefix("Unit Testing:").strip(), -1)
            if "FAILED" in text and "error" in text.lower():
                differences.append(Difference(seed, text))
        elif text.startswith("expr:"):
            differences.append(Difference(seed, text))
    return differences
