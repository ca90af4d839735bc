import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "drop_unused_enumerate"


def test_loops_and_comprehensions() -> None:
    source = """
        def f(rows):
            for i, (a, b) in enumerate(rows.items()):  # all
                print(a, b)
            return [row for n, row in enumerate(rows) if row]
        """
    assert after(KIND, source) == dedent(
        """
        def f(rows):
            for (a, b) in rows.items():  # all
                print(a, b)
            return [row for row in rows if row]
        """
    )


@pytest.mark.parametrize(
    "body",
    [
        "for i, x in enumerate(a):\n        g(i)",
        "for i, x in enumerate(a):\n        g(x)\n    return i",
        "for i, x in enumerate(a, 1):\n        g(x)",
        "for i, x in enumerate(*a):\n        g(x)",
        "for i, x in enumerate(a):\n        g(lambda: i)",
        "for pair in enumerate(a):\n        g(pair)",
        "for g, x in enumerate(a):\n        a(x)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"def f(a, g):\n    {body}\n")
