import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "hoist_invariant"


def test_whole_number_arithmetic_moves_before_the_loop() -> None:
    source = """
        def f(a, b):
            n = len(b)
            total = 0
            for i in range(1, len(a)):
                for j in range(n):
                    total += a[i - 1] * b[n - 1] + a[i - 1] * b[j - 1]
            return total
        """
    new = after(KIND, source)
    assert new == dedent(
        """
        def f(a, b):
            n = len(b)
            total = 0
            _n = n - 1
            for i in range(1, len(a)):
                _i = i - 1
                for j in range(n):
                    total += a[_i] * b[_n] + a[_i] * b[j - 1]
            return total
        """
    )
    agree(source, new, ["f([1, 2, 3], [4, 5])", "f([1, 2, 3], [])", "f([], [])", "f('abc', 'de')", "f(1, 2)"])


@pytest.mark.parametrize(
    "body",
    [
        "for x in a: g(b - 1)",
        "n = g()\n    for x in a: g(n - 1)",
        "n = len(a)\n    for x in a:\n        g(n - 1)\n        n = 3",
        "for i in range(9): pass\n    for x in a: g(i - 1)",
        "for i in a:\n        for x in b: g(i - 1)",
        "for i, y in enumerate(a, b):\n        for x in b: g(i - 1)",
        "n = len(a)\n    for x in a: g(n / 1)",
        "n = len(a)\n    for x in g(n - 1): pass",
        "n = len(a)\n    g(n - 1)",
        "if a: n = len(a)\n    for x in a: g(n - 1)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"def f(a, b, g):\n    {body}\n")
