import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "unswitch_lambda"

SOURCE = """
def fits(item, kind=None, names=None):
    if item is None:
        return False
    if kind and isinstance(item, kind):
        return True
    if names:
        return any(item == name for name in names)


class Box:
    def f(self, items, kind=None, names=None):
        return [*filter(lambda x: fits(x, names=names, kind=kind), items)]
"""


def test_one_form_for_each_criterion() -> None:
    changed = after(KIND, SOURCE, "Box.f")
    assert changed == dedent(SOURCE).split("        return [*filter")[0] + (
        "        if kind is None:\n"
        "            def _fits(x):\n"
        "                if x is None:\n"
        "                    return False\n"
        "                if names:\n"
        "                    return any((x == name for name in names))\n"
        "                return None\n"
        "        elif names is None:\n"
        "            def _fits(x):\n"
        "                if x is None:\n"
        "                    return False\n"
        "                if kind and isinstance(x, kind):\n"
        "                    return True\n"
        "                return None\n"
        "        else:\n"
        "            _fits = lambda x: fits(x, names=names, kind=kind)\n"
        "        return [*filter(_fits, items)]\n"
    )


def test_it_answers_the_same() -> None:
    answers = []
    for text in (dedent(SOURCE), after(KIND, SOURCE, "Box.f")):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        box = scope["Box"]()  # type: ignore[operator]
        items = [None, 1, "a", 2.0, "b"]
        cases = [(), (int,), (None, "a"), (int, "ab"), (None, None), ((str, float), [1])]
        answers.append([box.f(items, *case) for case in cases])
    assert answers[0] == answers[1]
    assert [1] in answers[0] and ["a"] in answers[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind=None, names=None):\n        return", "kind=None, names=()):\n        return"),
        ("        return [", "        kind = kind or int\n        return ["),
        ("lambda x:", "lambda x, y=1:"),
        ("lambda x: fits", "lambda kind: fits"),
        (
            "*filter(lambda x: fits(x, names=names, kind=kind), items)",
            "(lambda x: fits(x, names, kind))(i) for i in items",
        ),
    ],
)
def test_it_refuses(old: str, new: str) -> None:
    assert old in SOURCE
    assert refuses(KIND, SOURCE.replace(old, new), "Box.f")
