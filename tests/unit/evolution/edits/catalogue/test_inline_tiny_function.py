import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "inline_tiny_function"
HALF = "def half(x, by=2):\n    '''doc'''\n    if x is None:\n        return 0\n    return x / by  # a comment\n"


def test_choices_and_returns_become_a_conditional_expression() -> None:
    source = HALF + "def f(a, b):\n    return half(a) + [half(x, by=b) for x in b][0]\n"
    new = after(KIND, source)
    assert new.startswith(HALF)
    assert "return (0 if a is None else a / 2) + [(0 if x is None else x / b) for x in b][0]" in new
    twice = HALF + "def f(a):\n    return half(a) + half(a, 3)\n"
    agree(twice, after(KIND, twice), ["f(None)", "f(3)", "f('x')", "f(half)"])


def test_other_arguments_are_computed_first_in_their_order() -> None:
    source = HALF + "def f(g):\n    return half(g(1), g(2))\n"
    new = after(KIND, source)
    assert new == HALF + dedent(
        """
        def f(g):
            _argument = g(1)
            _argument_2 = g(2)
            return (0 if _argument is None else _argument / _argument_2)
        """
    )


@pytest.mark.parametrize(
    "callee",
    [
        "@wraps\ndef half(x): return x / 2",
        "async def half(x): return x / 2",
        "def half(x): yield x / 2",
        "def half(*x): return x[0]",
        "def half(x):\n    x = x / 2\n    return x",
        "def half(x): return [y / 2 for y in x]",
        "def half(x): return lambda: x",
        "def half(x, y): return x / y",
        "def half(x): return x\ndef half(x): return x / 2",
        "def half(x, y=[]): return y",
        "def half(x):\n    for y in x: return y",
        "def half(x): return b / x",
    ],
)
def test_it_refuses_the_callee(callee: str) -> None:
    assert refuses(KIND, f"{callee}\ndef f(a, b):\n    return half(a)\n")


def test_it_refuses_what_a_class_would_mangle() -> None:
    source = "def half(x): return x.__secret\nclass K:\n    def f(self, a):\n        return half(a)\n"
    assert refuses(KIND, source, "K.f")


@pytest.mark.parametrize(
    "call",
    ["half(*a)", "half(**a)", "half(a, c=1)", "half()", "a() + half(a())", "[half(y) + x for x in a for y in b]"],
)
def test_it_refuses_the_call(call: str) -> None:
    callee = "def half(z): return z / 2 + x\nx = 1\n" if "for x" in call else "def half(z): return z / 2\n"
    assert refuses(KIND, f"{callee}def f(a, b):\n    return {call}\n")
