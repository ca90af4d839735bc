"""Which baseline lines a candidate changes, and which tests that touches."""

from __future__ import annotations

from difflib import ndiff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.evolution.judge.affected import affected_tests, changed_lines
from dean_airflow.evolution.judge.objectives import log_cost, text_ratios

OLD = "a\nb\nc\nd\ne\n"


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        (OLD, set()),
        ("a\nB\nc\nd\ne\n", {2}),
        ("a\nc\nd\ne\n", {2}),
        ("a\nb\nnew\nc\nd\ne\n", {2, 3}),
        ("new\na\nb\nc\nd\ne\n", {1}),
        ("A\nb\nc\nd\nE\n", {1, 5}),
    ],
)
def test_changed_lines(new, lines):
    assert changed_lines(OLD, new) == lines


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_every_line_that_went_is_among_the_changed(old, new):
    gone = changed_lines("\n".join(old), "\n".join(new))
    assert all(1 <= line <= max(len(old), 1) for line in gone)
    if old != new:
        assert gone
    removed = sum(1 for line in ndiff(old, new) if line.startswith("- "))
    assert not removed or gone


def test_tests_that_run_a_changed_line_are_affected():
    tree = {"a.py": OLD, "b.py": OLD}
    coverage = {"a.py": {2: ("t::one", "t::two"), 4: ("t::three",)}, "b.py": {2: ("t::four",)}}
    assert affected_tests(tree, {"a.py": "a\nB\nc\nd\ne\n"}, coverage) == {"t::one", "t::two"}
    assert affected_tests(tree, {"a.py": "a\nb\nC\nd\ne\n"}, coverage) == set()


FLAT = "def f(x):\n    return x\n"
BRANCHY = "def f(x):\n    if x:\n        return 1\n    return 2\n"


def test_size_and_complexity_are_ratios_over_all_files():
    tree = {"a.py": BRANCHY, "b.py": FLAT}
    ratios = text_ratios({"size": 0.5, "complexity": 0.5}, tree, {"a.py": FLAT})
    assert ratios["size"] == 2 * len(FLAT) / (len(FLAT) + len(BRANCHY))
    assert ratios["complexity"] == 2 / 3
    assert text_ratios({"runtime": 1.0}, tree, {}) == {}


def test_the_cost_is_the_weighted_geometric_mean():
    assert log_cost({"runtime": 0.5, "size": 0.5}, {"runtime": 0.25, "size": 1.0}) == pytest.approx(-0.693147, abs=1e-6)
    assert log_cost({"runtime": 1.0, "size": 0.0}, {"runtime": 1.0}) == 0.0
