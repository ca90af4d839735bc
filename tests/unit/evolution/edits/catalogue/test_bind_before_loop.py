import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "bind_before_loop"


def test_methods_of_fresh_containers_and_functions_of_modules_are_looked_up_once() -> None:
    source = """
        import math

        def f(rows):
            out = []
            for row in rows:  # each
                line = []
                while row:
                    line.append(math.floor(row.pop()))
                out.append(line)
            return out
        """
    new = after(KIND, source)
    assert new == dedent(
        """
        import math

        def f(rows):
            out = []
            _floor = math.floor
            _append_2 = out.append
            for row in rows:  # each
                line = []
                _append = line.append
                while row:
                    _append(_floor(row.pop()))
                _append_2(line)
            return out
        """
    )
    agree(source, new, ["f([])", "f([[], [1.5, 2.5], [3]])", "f([['x']])"])


@pytest.mark.parametrize(
    "body",
    [
        "for x in xs: xs.append(x)",
        "for x in xs:\n        out = []\n        out.append(x)",
        "out = g()\n    for x in xs: out.append(x)",
        "out = []\n    for x in xs:\n        out.append(x)\n        out = []",
        "out = []\n    for x in out.copy(): pass",
        "out = []\n    for x in xs: out.nothing(x)",
        "for x in xs: sys.stdout.write(x)",
        "for x in xs: math.gone(x)",
        "for x in xs: other.sqrt(x)",
        "for x in xs:\n        out = []\n    for x in xs: out.append(x)",
        "out = []\n    out.append(1)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"import math, sys\nimport other\ndef f(xs, g):\n    {body}\n")


def test_it_refuses_a_container_bound_in_a_branch_that_may_not_have_run() -> None:
    assert refuses(KIND, "def f(xs):\n    if xs:\n        out = []\n    for x in xs:\n        out.append(x)\n")
