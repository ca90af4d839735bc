import pytest

from tests.unit.evolution.edits.helpers import after, agree, refuses

KIND = "skip_empty_spread"


def test_a_call_without_options_is_made_plainly() -> None:
    source = "def f(g, x, *more, **options):\n    return g(x, *more, a=1, **options)\n"
    new = after(KIND, source)
    assert "return (g(x, *more, a=1) if not options else g(x, *more, a=1, **options))" in new
    calls = ["f(dict, {})", "f(dict, {}, b=2)", "f(dict, {}, a=2)", "f(lambda *a, **k: (a, k), 1, 2, 3, c=4)"]
    agree(source, new, calls)


@pytest.mark.parametrize(
    "body",
    [
        "return g(x, **y)",
        "return g(options, **options)",
        "return g(options.pop('a'), **options)",
        "options = x\n    return g(**options)",
        "g(options)\n    return g(**options)",
        "h = lambda: options\n    return g(h, **options)",
        "return g(**options, **x)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"def f(g, x, y=None, **options):\n    {body}\n")
