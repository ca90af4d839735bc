import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "keyword_to_positional"

HELPER = "def helper(a, b=2, c='x'):\n    return a\n\n\n"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("helper(x, b=y)", "helper(x, y)"),
        ("helper(x, b =  (y))", "helper(x, (y))"),
        ("helper(x, c=y)", "helper(x, 2, y)"),
        ("helper(c=1, a=x, b=y.z())", "helper(x, y.z(), 1)"),
        ("helper(a=g(x), b=(y,\n        1))", "helper(g(x), (y,\n        1))"),
        ("helper(x, b = helper(y, c=3))", "helper(x, helper(y, 2, 3))"),
    ],
)
def test_before_and_after(before: str, expected: str) -> None:
    source = HELPER + f"def f(g, x, y):\n    return {before}  # kept\n"
    assert after(KIND, source) == source.replace(before, expected)


@pytest.mark.parametrize(
    "call",
    [
        "helper(b=g(), a=g())",
        "helper(x, **y)",
        "helper(*x, b=1)",
        "helper(x, d=1)",
        "helper(b=1)",
        "g(x, b=1)",
        "helper(x, 1, b=2)",
    ],
)
def test_it_refuses(call: str) -> None:
    assert refuses(KIND, HELPER + f"def f(g, x, y):\n    return {call}\n")


@pytest.mark.parametrize(
    "definition",
    [
        "def helper(a, *, b=1): ...",
        "def helper(a, b=1, **c): ...",
        "def helper(a, b=1, *c): ...",
        "def helper(a, x=[], b=1): ...",
        "@wrap\ndef helper(a, b=1): ...",
        "class helper:\n    def __init__(self, a, b=1): ...",
        "if 1:\n    def helper(a, b=1): ...",
    ],
)
def test_it_refuses_other_callees(definition: str) -> None:
    assert refuses(KIND, definition + "\n\n\n" + dedent("def f(x):\n    return helper(x, b=x)\n"))
