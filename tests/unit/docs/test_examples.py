"""The documentation's larger examples do what the text beside them says."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import Site
from dean_airflow.evolution.edits.sources import edit_sources, register_edit_source
from dean_airflow.evolution.target.find_benchmark import detect_benchmark
from dean_airflow.evolution.target.settings_file import read_own_settings

from .pages import ROOT, blocks


def example(page: str, word: str, language: str = "python") -> str:
    """The block of code of a page that has this word in it."""
    found = [text for text in blocks(ROOT / "docs" / page, language) if word in text]
    assert len(found) == 1
    return found[0]


def executed(page: str, word: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example(page, word), page, "exec"), names)
    return names


@pytest.mark.parametrize(
    ("word", "tested"),
    [
        ("test_a_plain_folder", "evolution_workflow/test_adding_one.py"),
        ("test_a_start_whose_answer", "full_system/test_adding_one_with_stubs.py"),
    ],
)
def test_the_examples_of_the_integration_guide_are_tests_that_run(word: str, tested: str) -> None:
    file = ROOT / "tests" / "integration" / tested

    assert example("how-to/integration-tests.md", word) == file.read_text(encoding="utf-8")


def test_the_examples_of_tests_with_stubs_pass(tmp_path: Path) -> None:
    for word in ("test_my_code_gives_up", "test_a_partition"):
        (tmp_path / f"{word}.py").write_text(example("reference/testing.md", word))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "2 passed" in done.stdout, done.stdout


def test_the_example_edit_source_proposes_and_applies() -> None:
    register_edit_source("nodebug", executed("how-to/add-an-edit-kind.md", "class DropDebugLines")["DropDebugLines"])
    source = edit_sources(["nodebug"])[0]
    text = "def f(log):\n    log.debug('one')\n    log.debug('two')\n    return 1\n"
    site, tree = Site("a.py", "f", 1.0), {"a.py": text}

    edits = list(source.enumerate(site, tree))
    assert [Edit.parse(str(edit)) for edit in edits] == edits
    assert source.propose(site, tree, random.Random(1)) in edits
    assert source.apply(edits[1], text, tree) == "def f(log):\n    log.debug('one')\n    return 1\n"
    with pytest.raises(EditError, match="no longer applies"):
        source.apply(edits[1], "def f(log):\n    return 1\n", tree)


def test_the_example_judge_prefers_less() -> None:
    judge = executed("reference/python-api.md", "class BytesJudge")["BytesJudge"]({"a.py": "x = 1 + 1\n"})

    shorter = judge.judge((), {"a.py": "x = 2\n"}, random.Random(1))
    longer = judge.judge((), {"a.py": "x = 1 + 1 + 0\n"}, random.Random(1))

    assert (shorter.verdict, shorter.fitness) == ("win", pytest.approx(0.4))
    assert (longer.verdict, longer.fitness) == ("neutral", 0.0)


def test_the_example_benchmark_is_found_and_deterministic(tmp_path: Path) -> None:
    (tmp_path / "benchmark.py").write_text(example("how-to/benchmarks.md", "def run(seed)"))

    workload = detect_benchmark(tmp_path, None)

    assert (workload.kind, workload.spec) == ("callable", "benchmark:run") if workload else False


def test_the_tutorials_files_are_what_a_trial_finds(tmp_path: Path) -> None:
    page = "tutorials/real-library.md"
    (tmp_path / "dean.yaml").write_text(example(page, "benchmark:", "yaml"))
    (tmp_path / "benchmark.py").write_text(example(page, "def run(seed)"))

    own, where = read_own_settings(tmp_path)

    assert (own.benchmark, own.tests, where) == ("benchmark:run", "tests -m 'not external'", "dean.yaml")
    assert detect_benchmark(tmp_path, None).spec == own.benchmark  # type: ignore[union-attr]


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("page", "word", "dags"),
    [
        ("reference/operators.md", "weekly_speed", ["weekly_speed"]),
        ("how-to/schedule-many-repositories.md", "review_champions", ["review_champions"]),
    ],
)
def test_the_example_dags_import(airflow_home: Path, tmp_path: Path, page: str, word: str, dags: list[str]) -> None:
    (tmp_path / "mine.py").write_text(example(page, word))
    code = (
        "import sys\nfrom airflow.dag_processing.dagbag import DagBag\n"
        "bag = DagBag(dag_folder=sys.argv[1])\nprint(bag.import_errors, sorted(bag.dag_ids))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == f"{{}} {dags}"


def test_the_example_alert_rule_fires_on_the_example_series() -> None:
    from dean_airflow.metrics.alerts.offline import replay
    from dean_airflow.metrics.alerts.rules_file import parse_rules
    from dean_airflow.metrics.alerts.series_file import parse_series_file

    page = "how-to/write-alert-rules.md"
    parsed = parse_rules(example(page, "CheckoutFails", "yaml"))
    series = parse_series_file(example(page, "values:", "yaml"), page)
    assert parsed.problems == []

    steps = replay(parsed.rules, series.reader(), 0, series.end, series.evaluate_every)

    told = [(change.state, change.alert.message) for step in steps for change in step.changes]
    assert [state for state, _ in told] == ["firing", "resolved"]
    assert told[0][1].startswith("shop fails 4.")


def test_the_example_receivers_are_settings() -> None:
    import yaml

    from dean_airflow.config import Settings

    given = yaml.safe_load(example("how-to/get-notified.md", "alert_receivers", "yaml"))

    assert [receiver.name for receiver in Settings(**given).alert_receivers] == ["pager", "chat", "mail"]
