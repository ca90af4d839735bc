from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.feed.position import Position, read_position

STORE = "0badcafe-1111-2222-3333-444444444444"
counts = st.lists(st.integers(0, 10**15), min_size=1, max_size=3).map(tuple)
positions = st.builds(Position, counts, st.dictionaries(st.integers(0, 99), st.integers(1, 10**9), max_size=4))


@given(positions)
def test_a_position_reads_back(position: Position) -> None:
    assert read_position(position.text(STORE), STORE) == position
    assert read_position(position.text(STORE), "deadbeef") is None


@given(st.text())
def test_no_text_does_harm(text: str) -> None:
    position = read_position(text, STORE)
    assert position is None or position.text(STORE).startswith("0badcafe")


@pytest.mark.parametrize(
    ("mine", "other", "covered"),
    [
        (Position((3,)), Position((3,)), True),
        (Position((3,)), Position((4,)), False),
        (Position((3, 1)), Position((3,)), False),
        (Position((3, 1), {0: 5}), Position((3, 0)), True),
        (Position((3, 1)), Position((3, 0), {0: 5}), False),
        (Position((3, 1), {0: 4, 1: 9}), Position((3, 0), {0: 5}), False),
    ],
)
def test_what_one_covers(mine: Position, other: Position, covered: bool) -> None:
    assert mine.covers(other) is covered
