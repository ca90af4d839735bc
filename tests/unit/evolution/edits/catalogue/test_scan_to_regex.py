import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "scan_to_regex"

SOURCE = """
import re


def f(text, i=0):
    while i < len(text) and text[i] not in "]*-^\\\\":  # runs
        i += 1
    return i
"""


def test_a_step_is_made_before_the_loop() -> None:
    assert after(KIND, SOURCE) == dedent(
        r"""
        import re


        _f_scan = re.compile('[^\\]*\\-\\^\\\\]*')
        def f(text, i=0):
            if type(text) is str and type(i) is int and 0 <= i < len(text):
                i = _f_scan.match(text, i).end()
            while i < len(text) and text[i] not in "]*-^\\":  # runs
                i += 1
            return i
        """
    )


@pytest.mark.parametrize("test", ["in ' \\t'", "not in '*_'", "== 'a'", "!= '\\n'", "in 'é^-]['"])
def test_the_index_stops_where_the_loop_would(test: str) -> None:
    source = f"def f(s, i):\n    while i < len(s) and s[i] {test}:\n        i += 1\n    return i\n"
    answers = []
    for text in (source, after(KIND, source)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        answers.append(
            [
                scope["f"](s, i)  # type: ignore[operator]
                for s in ("", "aaa", "a*b", " \t x", "\n\na", "é-]^é a", ["a", "b"], ("a",))
                for i in (0, 1, 2, 5, True)
            ]
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "loop",
    [
        "while i < len(s) and s[i] in g:\n        i += 1",
        "while i < len(s) and s[i] in 'ab':\n        i += 2",
        "while i <= len(s) and s[i] in 'ab':\n        i += 1",
        "while i < len(g) and s[i] in 'ab':\n        i += 1",
        "while i < len(s) and s[g] in 'ab':\n        i += 1",
        "while i < len(s) and s[i] == 'ab':\n        i += 1",
        "while i < len(s) and s[i] in 'ab':\n        i += 1\n        g()",
        "while i < len(s) and s[i] in '':\n        i += 1",
        "while i < len(s) and s[i] in 'ab':\n        i += 1\n    else:\n        g()",
    ],
)
def test_it_refuses(loop: str) -> None:
    assert refuses(KIND, f"def f(s, i, g):\n    {loop}\n    return i\n")
