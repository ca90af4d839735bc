import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "membership_to_loop"


def test_a_generator_kept_for_the_return_that_follows() -> None:
    source = """
        def f(self, names):
            if self.folded:
                names = (n.lower() for n in names)

            return self.name in names
        """
    assert after(KIND, source) == dedent(
        """
        def f(self, names):
            if self.folded:
                _elements = iter(names)
                _wanted = self.name
                for _n in _elements:
                    _element = _n.lower()
                    if _element is _wanted or _element == _wanted:
                        return True
                return False

            return self.name in names
        """
    )


def test_a_generator_in_place() -> None:
    source = """
        def f(key, names):
            if key not in (n.lower() for n in names if n):
                return 1
        """
    assert after(KIND, source) == dedent(
        """
        def f(key, names):
            _found = True
            for _n in names:
                if _n:
                    _element = _n.lower()
                    if _element is key or _element == key:
                        _found = False
                        break
            if _found:
                return 1
        """
    )


@pytest.mark.parametrize(
    "body",
    [
        "return key in [n for n in names]",
        "return key in (next(n) for n in names)",
        "return g() or key in (n for n in names)",
        "values = (n for n in names)\n    g(values)\n    return key in values",
        "values = (n for n in names)\n    h = lambda: values\n    return key in values",
        "if key:\n        values = (n for n in names)\n    else:\n        values = names\n    return key in values",
        "values = (n for n in names)\n    return values in values",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"def f(key, names, g):\n    {body}\n")


class Odd:
    """Equal to nothing, itself included, and counts being asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __eq__(self, other: object) -> bool:
        self.asked += 1
        return False

    __hash__ = None  # type: ignore[assignment]


def test_identity_comes_before_equality() -> None:
    source = dedent("def f(key, names):\n    values = (n for n in names)\n    return key in values\n")
    for text in (source, after(KIND, source)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        other, wanted = Odd(), Odd()
        assert scope["f"](wanted, [other, wanted]) is True  # type: ignore[operator]
        assert (other.asked, wanted.asked) == (1, 0)
