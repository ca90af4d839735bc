import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "bind_before_loop"


def test_functions_of_modules_are_looked_up_once() -> None:
    source = """
        import math

        def f(rows):
            out = []
            for row in rows:  # each
                while row:
                    out.append(math.floor(row.pop()) + math.ceil(1.5))
            return out
        """
    new = after(KIND, source)
    assert new == dedent(
        """
        import math

        def f(rows):
            out = []
            _floor = math.floor
            _ceil = math.ceil
            for row in rows:  # each
                while row:
                    out.append(_floor(row.pop()) + _ceil(1.5))
            return out
        """
    )
    agree(source, new, ["f([])", "f([[], [1.5, 2.5], [3]])", "f([['x']])"])


@pytest.mark.parametrize(
    "body",
    [
        "for x in xs: xs.append(x)",
        "for x in math.floor(xs): pass",
        "for x in xs: pass\n    else: math.floor(x)",
        "for x in xs: sys.stdout.write(x)",
        "for x in xs: math.gone(x)",
        "for x in xs: math.pi",
        "for x in xs: other.sqrt(x)",
        "for x in xs: [math.floor(y) for math in x]",
        "for x in xs: math = x; math.floor(x)",
        "math.floor(xs)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"import math, sys\nimport other\ndef f(xs, g):\n    {body}\n")
