"""A benchmark fails when a figure misses its target, and when it is worse than it usually was."""

from __future__ import annotations

import json

import pytest

from benchmarks import _trend
from benchmarks.__main__ import accepted
from benchmarks._trend import LAST, TOLERANCE, Circumstances, regression
from benchmarks.figure import Figure

HERE = Circumstances(2, "3.11.7")


def _line(value: float, name: str = "speed", cores: int = 2, python: str = "3.11.2") -> dict:
    return {"name": name, "value": value, "cores": cores, "python": python}


@pytest.mark.parametrize(
    ("better", "unit", "accepted_value", "regressed_value"),
    [
        ("higher", "1/s", 100 / (1 + TOLERANCE), 100 / (1 + TOLERANCE) - 0.01),
        ("higher", "files/s", 1000.0, 70.0),
        ("lower", "ms", 100 * (1 + TOLERANCE), 100 * (1 + TOLERANCE) + 0.01),
        ("lower", "s", 1.0, 140.0),
    ],
)
def test_times_and_rates_may_be_worse_than_usual_by_their_tolerance(better, unit, accepted_value, regressed_value):
    usual = [_line(90.0), _line(100.0), _line(110.0)]
    assert regression(Figure("speed", accepted_value, unit, better, None), usual, HERE) == ""
    said = regression(Figure("speed", regressed_value, unit, better, None), usual, HERE)
    assert "speed regressed" in said
    assert "median of 100" in said
    assert said.count(".") >= 1 and "\n" not in said


def test_a_rate_that_reaches_its_target_regresses_all_the_same():
    figure = Figure("speed", 60.0, "1/s", "higher", target=50)
    assert figure.reached
    assert "regressed" in regression(figure, [_line(100.0)], HERE)


def test_counts_and_ratios_with_a_target_are_left_to_it():
    for unit in ("ratio", "of 100 trials", "kinds"):
        assert regression(Figure("speed", 16.0, unit, "higher", target=15), [_line(100.0)], HERE) == ""


def test_a_speed_up_without_a_target_is_compared():
    assert "regressed" in regression(Figure("speed", 1.0, "speed-up", "higher"), [_line(1.5)], HERE)


@pytest.mark.parametrize("other", [_line(1000.0, name="other"), _line(1000.0, cores=4), _line(1000.0, python="3.12.1")])
def test_other_figures_machines_and_pythons_are_no_measure(other):
    assert regression(Figure("speed", 100.0, "1/s", "higher"), [_line(100.0), other, other, other], HERE) == ""


def test_only_the_last_values_count():
    lines = [_line(1000.0)] * 20 + [_line(100.0)] * LAST
    assert regression(Figure("speed", 95.0, "1/s", "higher"), lines, HERE) == ""


def test_one_lucky_run_sets_no_mark():
    assert regression(Figure("speed", 95.0, "1/s", "higher"), [_line(100.0), _line(500.0), _line(98.0)], HERE) == ""


def test_without_a_record_nothing_is_compared():
    assert regression(Figure("speed", 0.1, "1/s", "higher"), [], HERE) == ""


def test_a_full_run_is_compared_and_recorded(tmp_path, capsys):
    good, bad = Figure("speed", 100.0, "1/s", "higher", 10), Figure("speed", 20.0, "1/s", "higher", 10)
    assert accepted("bench", [good], full=True, folder=tmp_path)
    assert not accepted("bench", [bad], full=True, folder=tmp_path)
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "speed regressed: 20 1/s" in printed.err
    assert [json.loads(line)["value"] for line in printed.out.splitlines()] == [100.0, 20.0]
    assert [line["value"] for line in _trend.recorded("bench", tmp_path)] == [100.0, 20.0]


def test_a_shortened_run_is_neither_compared_nor_recorded(tmp_path):
    accepted("bench", [Figure("speed", 100.0, "1/s", "higher", 10)], full=True, folder=tmp_path)
    assert accepted("bench", [Figure("speed", 20.0, "1/s", "higher", 10)], full=False, folder=tmp_path)
    assert len(_trend.recorded("bench", tmp_path)) == 1


def test_a_missed_target_fails_and_says_so(tmp_path, capsys):
    assert not accepted("bench", [Figure("errors", 2, "of 100 trials", "lower", 1)], full=True, folder=tmp_path)
    assert capsys.readouterr().err == "errors misses its target: 2 of 100 trials, and it must be at most 1.\n"


@pytest.mark.parametrize("line", ["{", "[]", '{"name": "a"}', '{"value": "fast"}'])
def test_a_broken_line_is_named(tmp_path, line):
    accepted("bench", [Figure("speed", 100.0, "1/s", "higher")], full=True, folder=tmp_path)
    with (tmp_path / "bench.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"bench\.jsonl:2 is no figure"):
        _trend.recorded("bench", tmp_path)


@pytest.mark.parametrize("file", sorted(_trend.FOLDER.glob("*.jsonl")), ids=lambda file: file.stem)
def test_every_committed_trend_can_be_read(file):
    assert _trend.recorded(file.stem)
    assert (_trend.FOLDER.parent / f"{file.stem}.py").exists()
