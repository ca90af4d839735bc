import math

import pytest

from tests.unit.evolution.edits.helpers import after, dedent, found, refuses

KIND = "min_max_to_conditional"


def test_two_variables_become_a_conditional() -> None:
    source = "def f(limit, count):\n    size = min(limit, count)\n    return size\n"
    assert after(KIND, source) == (
        "def f(limit, count):\n    size = count if count < limit else limit\n    return size\n"
    )


def test_other_arguments_are_computed_first_in_their_order() -> None:
    source = "def f(x, g, h):\n    return max(g(x), h(x), 0)\n"
    assert after(KIND, source) == dedent(
        """
        def f(x, g, h):
            _candidate = g(x)
            _candidate_2 = h(x)
            _best = _candidate_2 if _candidate_2 > _candidate else _candidate
            return 0 if 0 > _best else _best
        """
    )


def test_comments_among_the_arguments_are_kept() -> None:
    source = """
        def f(d, i):
            d[i] = min(
                d[i - 1] + 1,  # deletion
                d[i] + 1,  # insertion
            )
        """
    new = after(KIND, source)
    assert "# deletion" in new and "# insertion" in new
    compile(new, "m", "exec")


@pytest.mark.parametrize("first", [0.0, -0.0, math.nan, 1, 1.0, True])
@pytest.mark.parametrize("second", [0.0, -0.0, math.nan, 1, 1.0, True])
def test_ties_nan_and_types_come_out_as_from_the_builtin(first: float, second: float) -> None:
    source = "def f(a, b):\n    return min(a, b), max(a, b), min(a, b, 1), max(1, a, b)\n"
    before_names: dict[str, object] = {}
    after_names: dict[str, object] = {}
    exec(source, before_names)
    exec(after(KIND, source), after_names)
    assert repr(after_names["f"](first, second)) == repr(before_names["f"](first, second))  # type: ignore[operator]


@pytest.mark.parametrize(
    "call",
    ["min(a)", "min(*a)", "min(a, b, key=len)", "min(a, b, default=1)", "a.min(a, b)", "g(a) + min(g(a), b)"],
)
def test_it_refuses(call: str) -> None:
    assert refuses(KIND, f"def f(a, b, g):\n    return {call}\n")


def test_it_refuses_a_name_that_is_not_the_builtin() -> None:
    assert refuses(KIND, "from numpy import min\ndef f(a, b):\n    return min(a, b)\n")
    assert refuses(KIND, "def f(a, b, min):\n    return min(a, b)\n")
    assert refuses(KIND, "from m import *\ndef f(a, b):\n    return min(a, b)\n")
    assert refuses(KIND, "def g():\n    global min\n    min = 1\ndef f(a, b):\n    return min(a, b)\n")


def test_it_refuses_what_is_not_evaluated_once_per_statement() -> None:
    assert refuses(KIND, "def f(a, g):\n    while min(g(a), 2):\n        a += 1\n")
    assert refuses(KIND, "def f(a, g):\n    return [min(g(x), 2) for x in a]\n")
    assert refuses(KIND, "def f(a, g):\n    return a and min(g(a), 2)\n")


def test_single_places_are_numbered_in_source_order() -> None:
    source = "def f(a, b):\n    x = min(a, b)\n    y = max(a, b)\n    return x, y\n"
    assert [edit.site for edit in found(KIND, source)] == ["*", "0", "1"]
    assert "x = min(a, b)" in after(KIND, source, site="1")
    assert "y = b if b > a else a" in after(KIND, source, site="1")
