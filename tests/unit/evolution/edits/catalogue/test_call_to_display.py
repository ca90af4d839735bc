import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "call_to_display"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("dict()", "{}"),
        ("list( )", "[]"),
        ("tuple()", "()"),
        ("str()", '""'),
        ("dict(a=1, b = a(2))", '{"a": 1, "b": a(2)}'),
        ("dict(a=dict())", '{"a": {}}'),
    ],
)
def test_before_and_after(before: str, expected: str) -> None:
    assert after(KIND, f"def f(a):\n    return {before}\n") == f"def f(a):\n    return {expected}\n"


def test_layout_and_comments_stay() -> None:
    source = """
        def f(a):
            return dict(
                a=a,  # first
                b=2,
            )
        """
    assert after(KIND, source) == dedent(source).replace("dict(", "{").replace("a=a", '"a": a').replace(
        "b=2", '"b": 2'
    ).replace("    )\n", "    }\n")


@pytest.mark.parametrize("expression", ["dict(a)", "dict(**a)", "list(a)", "tuple(x=1)", "set()", "a.dict()"])
def test_it_refuses(expression: str) -> None:
    assert refuses(KIND, f"def f(a):\n    return {expression}\n")


def test_it_refuses_a_name_the_file_rebinds() -> None:
    assert refuses(KIND, "from mine import dict\n\n\ndef f():\n    return dict()\n")
    assert refuses(KIND, "def f(list):\n    return list()\n")
