import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "any_all_to_loop"


def test_a_returned_answer_is_returned_from_the_loop() -> None:
    source = "def f(items):\n    return all(x > 0 for x in items)\n"
    assert after(KIND, source) == dedent(
        """
        def f(items):
            for _x in items:
                if not (_x > 0):
                    return False
            return True
        """
    )


def test_elsewhere_the_answer_is_computed_above_the_statement() -> None:
    source = """
        def f(items, seen):
            if not any(a in seen for a, b in items if b) and seen:
                return 1
        """
    assert after(KIND, source) == dedent(
        """
        def f(items, seen):
            _found = False
            for (_a, _b) in items:
                if _b:
                    if (_a in seen):
                        _found = True
                        break
            if not _found and seen:
                return 1
        """
    ).replace("for (_a, _b)", "for _a, _b")


@pytest.mark.parametrize(
    "statement",
    [
        "return any(items)",
        "return any([x for x in items])",
        "return any(next(x) for x in items)",
        "return any(x for y in items for x in y)",
        "return any((lambda: x)() for x in items)",
        "return any(g(x) for items[0] in items)",
        "return g() or any(x for x in items)",
        "while any(x for x in items): pass",
    ],
)
def test_it_refuses(statement: str) -> None:
    assert refuses(KIND, f"def f(items, g):\n    {statement}\n")
