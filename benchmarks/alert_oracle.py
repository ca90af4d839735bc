"""Do our alert verdicts equal Prometheus' own? Random rules and series, judged by both; the seeds of any difference."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure
from dean_airflow.testing.alert_cases import alert_case
from dean_airflow.testing.promtool import MISSING, Difference, differing_verdicts, find_promtool

CASES = 400
"""Each one rule on up to a dozen series of one to two hours, evaluated every minute."""
AT_A_TIME = 50


def run(minutes: float | None) -> list[Figure]:
    """`alert_oracle`: evaluations at which any alert's state differs from promtool's. Ends the process without one."""
    promtool = find_promtool()
    if promtool is None:
        sys.exit(f"{MISSING}; it comes with Prometheus.")
    until = None if minutes is None else time.monotonic() + 60 * minutes
    differences: list[Difference] = []
    compared = judged = series = 0
    for first in range(0, CASES, AT_A_TIME):
        if until is not None and judged and time.monotonic() > until:
            break
        cases = [alert_case(seed) for seed in range(first, first + AT_A_TIME)]
        with tempfile.TemporaryDirectory() as folder:
            found, count = differing_verdicts(cases, Path(folder), promtool)
        differences += found
        compared, judged = compared + count, judged + len(cases)
        series += sum(len(case.series.series) for case in cases)
    for difference in differences:
        print(f"seed {difference.seed}: {difference.said}", file=sys.stderr)
    detail = {
        "rules": judged,
        "series": series,
        "verdicts": compared,
        "seeds": sorted({one.seed for one in differences}),
    }
    return [Figure("alert_oracle", len(differences), "differing verdicts", "lower", 0, detail)]
