import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "discarded_comprehension"


def test_setattr_becomes_an_assignment() -> None:
    source = """
        def f(self, children):
            [setattr(child, 'parent', self) for child in children if child]  # adopted
            return children
        """
    assert after(KIND, source) == dedent(
        """
        def f(self, children):
            for _child in children:
                if _child:
                    _child.parent = self  # adopted
            return children
        """
    )


def test_calls_stay_calls() -> None:
    source = """
        def f(g, rows):
            [g(row, setattr(g, 'a', row)) for row in rows]
            [setattr(g, 'a', row) for row in rows]
            [setattr(row, '__a', 1) for row in rows]
        """
    assert after(KIND, source) == dedent(
        """
        def f(g, rows):
            for _row in rows:
                g(_row, setattr(g, 'a', _row))
            for _row_2 in rows:
                setattr(g, 'a', _row_2)
            for _row_3 in rows:
                setattr(_row_3, '__a', 1)
        """
    )


@pytest.mark.parametrize(
    "statement",
    [
        "x = [g(x) for x in a]",
        "[g(x) for y in a for x in y]",
        "(g(x) for x in a)",
        "[g(lambda: x) for x in a]",
        "if a: [g(x) for x in a]",
    ],
)
def test_it_refuses(statement: str) -> None:
    assert refuses(KIND, f"def f(a, g):\n    {statement}\n")
