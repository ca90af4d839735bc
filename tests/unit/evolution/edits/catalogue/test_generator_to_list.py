import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "generator_to_list"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("', '.join(x for x in a)", "', '.join([x for x in a])"),
        ("b''.join((x for x in a if x))", "b''.join([x for x in a if x])"),
        ("tuple(x  for x in a)", "tuple([x  for x in a])"),
        ("sorted((x for x in a), key=g)", "sorted([x for x in a], key=g)"),
        ("sorted(x for x in a)", "sorted([x for x in a])"),
    ],
)
def test_before_and_after(before: str, expected: str) -> None:
    assert after(KIND, f"def f(a, g):\n    return {before}\n") == f"def f(a, g):\n    return {expected}\n"


def test_comments_and_layout_stay() -> None:
    source = """
        def f(a):
            return ''.join(  # all of it
                str(x)  # as text
                for x in a
            )
        """
    assert after(KIND, source) == dedent(source).replace("join(  #", "join([  #").replace("    )\n", "    ])\n")


@pytest.mark.parametrize(
    "expression",
    [
        "a.join(x for x in g)",
        "', '.join(next(x) for x in a)",
        "set(x for x in a)",
        "sum(x for x in a)",
        "max(x for x in a)",
        "', '.join([x for x in a])",
    ],
)
def test_it_refuses(expression: str) -> None:
    assert refuses(KIND, f"def f(a, g):\n    return {expression}\n")


def test_it_refuses_a_built_in_the_file_rebinds() -> None:
    assert refuses(KIND, "def tuple(x):\n    return x\n\n\ndef f(a):\n    return tuple(x for x in a)\n")
