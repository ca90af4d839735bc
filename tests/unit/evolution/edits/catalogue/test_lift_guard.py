import pytest

from tests.unit.evolution.edits.helpers import after, agree, refuses

KIND = "lift_guard"
SHOW = (
    "def show(x, blank=''):\n    'doc'\n    if x is None or isinstance(x, bytes):\n        return blank\n"
    "    y = str(x)\n    return y\n"
)


def test_the_callee_is_asked_before_it_is_called() -> None:
    source = SHOW + "def f(a, b):\n    return [show(x, b) for x in a], show(b)\n"
    new = after(KIND, source)
    assert "[(b if x is None or isinstance(x, bytes) else show(x, b)) for x in a]" in new
    assert "('' if b is None or isinstance(b, bytes) else show(b))" in new
    agree(source, new, ["f([None, 1, b'x'], '-')", "f([], None)", "f(None, None)"])


@pytest.mark.parametrize(
    "start",
    [
        "if x == 1: return x",
        "if not x: return x",
        "if g(x): return x",
        "if x is None: return g(x)",
        "if x is None: y = 1",
        "if x is None: return x\n    else: y = 2",
        "y = 1\n    if x is None: return x",
        "yield 1",
        "if x is None: return x\n    yield 2",
    ],
)
def test_it_refuses_the_callee(start: str) -> None:
    assert refuses(
        KIND, f"def g(x): return x\ndef show(x):\n    {start}\n    return x\ndef f(a):\n    return show(a)\n"
    )


def test_it_refuses_arguments_to_be_computed() -> None:
    assert refuses(KIND, SHOW + "def f(a):\n    return show(a())\n")
    assert refuses(KIND, SHOW + "def f(show, a):\n    return show(a)\n")
