"""A trial's data as a report gets it, for the tests of the page and of its parts."""

from __future__ import annotations

import math
import random
from typing import Any

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.report.data import (
    ConfirmationReport,
    EditReport,
    GenerationReport,
    Measurement,
    ReportData,
)
from dean_airflow.evolution.report.lineage import Judged, lineage
from dean_airflow.evolution.report.tallies import count, kinds, reasons, tallies

EDITS = (
    "catalogue.hoist_regex shop/orders.py::parse#*",
    "catalogue.any_all_to_loop shop/orders.py::shelf#*",
    "ruff.PERF401 shop/text.py::bars#0",
)
DIFF = """\
--- a/shop/orders.py
+++ b/shop/orders.py
@@ -1,4 +1,6 @@
 import re
+
+LINE = re.compile(r"<b>(\\d+)</b>")

-    match = re.match(r"<b>(\\d+)</b>", line)
+    match = LINE.match(line)
"""


def measurement(gain: float = 1.4, seed: int = 1) -> Measurement:
    rng = random.Random(seed)
    baseline = [0.0076 * math.exp(rng.gauss(0, 0.05)) for _ in range(72)]
    candidate = [seconds / gain * math.exp(rng.gauss(0, 0.03)) for seconds in baseline]
    ratios = [math.log(after / before) for before, after in zip(baseline, candidate, strict=True)]
    return Measurement(tuple(baseline), tuple(candidate), tuple(tuple(ratios[at : at + 12]) for at in range(0, 72, 12)))


def judged() -> list[Judged]:
    """Seven candidates: three winners alone, two unions, one neutral, one invalid."""
    genomes = [((one,), 0.05 + 0.05 * place) for place, one in enumerate(EDITS)]
    genomes += [(EDITS[:2], 0.2), (EDITS, 0.28)]
    found = [
        Judged(0, place // 3, place, Evaluation(str(place), genome, "win", "cost", "", fitness, 1 - fitness))
        for place, (genome, fitness) in enumerate(genomes)
    ]
    neutral = Evaluation("5", ("generic.delete shop/text.py::bars#3",), "neutral", "cost", "", 0.0, 1.01)
    invalid = Evaluation("6", ("generic.delete shop/text.py::bars#4",), "invalid", "output", "another output")
    return [*found, Judged(0, 2, 5, neutral), Judged(0, 2, 6, invalid)]


def improved(**changes: Any) -> ReportData:
    evaluations = [one.evaluation for one in judged()]
    counted = count(evaluations)
    values: dict[str, Any] = {
        "result": {
            "trial_id": "trial-0123456789ab",
            "repository": "/srv/shop",
            "status": "completed",
            "outcome": "improved",
            "stop_reason": "generations",
            "speedup": 1.404,
            "speedup_interval": [1.381, 1.428],
            "fitness": 0.288,
            "evaluations": len(evaluations),
            "candidates_per_second": 104.2,
            "branch": "dean/trial-0123456789ab",
            "patch": "/srv/artifacts/trial-0123456789ab.patch",
            "report": "/srv/artifacts/report.html",
            "champion_edits": list(EDITS),
        },
        "target": {
            "repository": "/srv/shop",
            "kind": "local",
            "commit": "f" * 40,
            "ref": "main",
            "subfolder": "",
            "notes": [
                "/srv/shop has uncommitted changes (1 file); the trial works on the commit ffffffffffff without them."
            ],
        },
        "config": {"seed": 0, "diversity_threshold": 0.3, "objectives": {"runtime": 1.0}},
        "settings": {
            "install": [".[test]"],
            "workload": {"kind": "callable", "spec": "benchmark:run"},
            "files": ["shop/orders.py", "shop/text.py"],
            "skipped_files": ["shop/old.py is left alone: it has a syntax error at line 3 (invalid syntax)."],
            "origins": {"tests": "detected", "benchmark": "pyproject.toml [tool.dean]"},
        },
        "baseline": {
            "tests": ["tests/test_orders.py::test_a", "tests/test_orders.py::test_b"],
            "skipped": ["tests/test_text.py::test_needs_numpy"],
            "sites": [
                {"path": "shop/orders.py", "function": "parse", "weight": 0.61},
                {"path": "shop/text.py", "function": "bars", "weight": 0.12},
            ],
            "seconds": 0.0076,
            "repeats": 3,
            "noise": 0.05,
            "mode": "warm",
            "mode_reason": "",
        },
        "sandbox": "full",
        "environment": {"python": "3.11.7", "platform": "Linux"},
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:14:05Z",
        "generations": tuple(
            GenerationReport(
                island,
                number,
                min(0.288, 0.1 + 0.03 * number + 0.02 * island),
                0.05 + 0.02 * number,
                0.9 - 0.08 * number,
                20,
            )
            for island in range(2)
            for number in range(8)
        ),
        "measurement": measurement(),
        "confirmations": (ConfirmationReport(3, True, 1e-9, 1.41, (1.38, 1.44)),),
        "edits": tuple(
            EditReport(
                text,
                f"Change number {place}",
                "Because it is cheaper.",
                "preserving",
                DIFF,
                1.1 + 0.05 * place,
                (1.05, 1.3),
            )
            for place, text in enumerate(EDITS)
        ),
        "tallies": tallies(counted),
        "reasons": reasons(counted),
        "kinds": kinds(counted),
        "lineage": lineage(EDITS, judged()),
        "published": {"repository": "/srv/shop", "bundle": "/srv/artifacts/x.bundle", "pushed_to": None},
        "command": 'airflow dags test dean_evolution_trial -c \'{"repository": "/srv/shop"}\'',
    }
    return ReportData(**{**values, **changes})


def without_improvement(**changes: Any) -> ReportData:
    data = improved()
    result = {
        **data.result,
        **{"outcome": "no_improvement", "speedup": None, "speedup_interval": None, "fitness": 0.0},
        **{"branch": None, "patch": None, "champion_edits": []},
    }
    refuted = (ConfirmationReport(2, False, 0.2, 1.004, (0.98, 1.03)),)
    values: dict[str, Any] = {
        **vars(data),
        **{
            "result": result,
            "confirmations": refuted,
            "edits": (),
            "lineage": (),
            "measurement": None,
            "published": {},
        },
    }
    return ReportData(**{**values, **changes})


def failed(**changes: Any) -> ReportData:
    result = {"trial_id": "trial-0123456789ab", "status": "failed", "outcome": None, "stop_reason": "error"}
    return ReportData(**{"result": result, "errors": ("The target has 2 failing tests.",), **changes})
