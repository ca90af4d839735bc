"""`airflow dean metrics alerts`, `silence` and `test-rules`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.metrics.alerts.rules_file import default_rules
from tests.unit.alerts_in_store import evolution_is_down

pytestmark = pytest.mark.airflow

RULES = """\
groups:
  - name: g
    rules:
      - {alert: Down, metric: dean_service_health, below: 1, for: 2m, message: "{service} is down"}
"""
SERIES = """\
series:
  - {series: 'dean_service_health{service="a"}', values: '1x3 0x4 1x2'}
"""


def test_alerts_are_listed(airflow: Callable[..., int], tmp_path: Path, capsys) -> None:
    assert airflow("dean", "metrics", "alerts") == 0
    assert "No rules have been evaluated yet" in capsys.readouterr().out

    evolution_is_down(tmp_path / "dean")
    assert airflow("dean", "metrics", "alerts") == 0
    said = capsys.readouterr().out
    assert "firing   warning" in said
    assert "Down: evolution is down" in said
    assert "1 changes are still to be told." in said

    assert airflow("dean", "metrics", "alerts", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["service"], shown["state"], shown["severity"]) == ("evolution", "firing", "warning")


def test_a_silence_is_made_listed_and_ended(airflow: Callable[..., int], capsys) -> None:
    words = ("dean", "metrics", "silence")
    assert airflow(*words, "add", "service=a", "severity=critical", "--for", "2h", "--reason", "new disks") == 0
    silence_id = capsys.readouterr().out.split()[0]
    assert airflow(*words, "list", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["id"], shown["labels"], shown["reason"]) == (
        silence_id, {"service": "a", "severity": "critical"}, "new disks",
    )  # fmt: skip

    assert airflow(*words, "end", silence_id) == 0
    capsys.readouterr()
    assert airflow(*words, "list") == 0
    assert capsys.readouterr().out == ""
    assert airflow(*words, "list", "--all") == 0
    assert silence_id in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "service", "--for", "2h", "--reason", "x"), "'service' is not a label such as service=evolution."),
        (("add", "a=b", "--for", "soon", "--reason", "x"), "--for: 'soon' is not a duration"),
        (("add", "a=b", "--for", "0", "--reason", "x"), "more than no time"),
        (("add", "a=b", "--for", "1h", "--reason", " "), "needs a reason"),
        (("end", "silence-unknown"), "There is no silence silence-unknown;"),
    ],
)
def test_what_cannot_be_silenced_is_a_sentence(airflow, capsys, words: tuple[str, ...], sentence: str) -> None:
    assert airflow("dean", "metrics", "silence", *words) == 1

    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


def test_rules_are_shown_as_promql(airflow: Callable[..., int], tmp_path: Path, capsys) -> None:
    (tmp_path / "rules.yaml").write_text(RULES + "      - {alert: X, metric: dean_service_heath, above: 1}\n")

    assert airflow("dean", "metrics", "test-rules", str(tmp_path / "rules.yaml")) == 0

    said = capsys.readouterr()
    assert "Down (warning, for 2m, keep firing for 0s)\n    dean_service_health < 1\n" in said.out
    assert f"{tmp_path}/rules.yaml line 5: X: no sample of dean_service_heath was ever collected" in said.err
    assert "did you mean dean_service_health?" in said.err


def test_rules_are_tried_on_series(airflow: Callable[..., int], tmp_path: Path, capsys) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "series.yaml").write_text(SERIES)
    words = ("dean", "metrics", "test-rules", str(tmp_path / "rules.yaml"), "--series", str(tmp_path / "series.yaml"))

    assert airflow(*words) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["6m", "firing", "Down:", "a", "is", "down"], ["9m", "resolved", "Down:", "a", "is", "down"],
    ]  # fmt: skip

    assert airflow(*words, "--json") == 0
    steps = json.loads(capsys.readouterr().out)
    assert [step["alerts"][0]["state"] for step in steps if step["alerts"]] == ["pending"] * 2 + ["firing"] * 3


def test_the_shipped_rules_as_a_prometheus_file(airflow: Callable[..., int], capsys) -> None:
    import yaml

    assert airflow("dean", "metrics", "test-rules", "--prometheus") == 0

    written = yaml.safe_load(capsys.readouterr().out)
    names = [rule["alert"] for group in written["groups"] for rule in group["rules"]]
    assert names == [rule.name for rule in default_rules().rules]


def test_every_mistake_of_a_rules_file_is_a_line(airflow: Callable[..., int], tmp_path: Path, capsys) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("groups:\n  - name: g\n    rules:\n      - {alert: A, metric: m}\n      - {alert: A, above: 1}\n")

    assert airflow("dean", "metrics", "test-rules", str(path)) == 1

    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{path} line 4", f"{path} line 5", f"{path} line 5"]
