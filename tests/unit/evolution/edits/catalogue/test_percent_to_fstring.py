import pytest

from tests.unit.evolution.edits.helpers import after, refuses

KIND = "percent_to_fstring"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("'%s=%r;' % (a.c[0], b)", 'f"{a.c[0]!s}={b!r};"'),
        ("'{%s} 100%%' % (a + b,)", 'f"{{{a + b!s}}} 100%"'),
        ("'say \"%s\"' % (f(a),)", "f'say \"{f(a)!s}\"'"),
    ],
)
def test_before_and_after(before: str, expected: str) -> None:
    assert after(KIND, f"def f(a, b):\n    return {before}\n") == f"def f(a, b):\n    return {expected}\n"


@pytest.mark.parametrize(
    "expression",
    [
        "'%s' % a",
        "'%d' % (a,)",
        "'%5s' % (a,)",
        "'%s %s' % (a,)",
        "'%s' % (*a,)",
        "'%s' % (a['k'],)",
        "'%s\\n' % (a,)",
        "'%(a)s' % (a,)",
        "'%s' % (a if b else 1,)",
        "b'%s' % (a,)",
        "'50%' % ()",
        "'%s' % (a != b,)",
        "'%s %s' % (a, a.pop())",
    ],
)
def test_it_refuses(expression: str) -> None:
    assert refuses(KIND, f"def f(a, b):\n    return {expression}\n")


def test_the_text_is_the_same() -> None:
    class Odd:
        def __format__(self, spec: str) -> str:
            return "formatted"

        def __str__(self) -> str:
            return "shown"

    source = "def f(a, b):\n    return '{%s} %r %%' % (a, b)\n"
    for text in (source, after(KIND, source)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        assert scope["f"](Odd(), "it's") == '{shown} "it\'s" %'  # type: ignore[operator]
