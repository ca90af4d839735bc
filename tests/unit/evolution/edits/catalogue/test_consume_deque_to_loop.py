import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "consume_deque_to_loop"


@pytest.mark.parametrize("call", ["deque(g(n, 1), maxlen=0)", "deque(g(n, 1), 0)", "collections.deque(g(n, 1), 0)"])
def test_before_and_after(call: str) -> None:
    source = (
        f"import collections\nfrom collections import deque\n\n\ndef f(g, n):\n    {call}  # used up\n    return n\n"
    )
    assert after(KIND, source) == source.replace(call, "for _item in g(n, 1):\n        pass")


@pytest.mark.parametrize(
    "statement",
    [
        "x = deque(g, maxlen=0)",
        "deque(g, maxlen=1)",
        "deque(g)",
        "deque(*g, maxlen=0)",
        "if n: deque(g, maxlen=0)",
        "deque(g, n, maxlen=0)",
        "other.deque(g, maxlen=0)",
    ],
)
def test_it_refuses(statement: str) -> None:
    assert refuses(KIND, f"from collections import deque\n\n\ndef f(g, n, other):\n    {statement}\n")


def test_it_refuses_a_deque_from_elsewhere() -> None:
    assert refuses(KIND, "from mine import deque\n\n\ndef f(g):\n    deque(g, maxlen=0)\n")


def test_the_result_does_the_same() -> None:
    source = dedent(
        """
        from collections import deque


        def f(items):
            deque(items, maxlen=0)
        """
    )
    for text in (source, after(KIND, source)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        items = iter([1, 2, 3])
        assert scope["f"](items) is None  # type: ignore[operator]
        assert list(items) == []
        with pytest.raises(TypeError, match="'int' object is not iterable"):
            scope["f"](3)  # type: ignore[operator]
