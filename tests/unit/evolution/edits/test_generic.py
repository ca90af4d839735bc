"""Generic edits: every kind's before and after, what is refused, and that what is proposed compiles."""

from __future__ import annotations

import random

import pytest

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.generic import GenericSource
from dean_airflow.evolution.edits.source import Site

SOURCE = '''\
LIMIT = 10


def first(items, low=3):
    """Docstring 7 is no statement."""
    total = 0
    for item in items:  # each
        if item < low and item not in (1, 2):
            total += item
        elif item is None:
            continue
    while total > 100:
        total //= 2; total -= 1
    return total


class Box:
    def second(self):
        text = """two
        lines"""
        return text
'''
TREE = {"m.py": SOURCE}
GENERIC = GenericSource()


def apply(kind: str, site: int | str, detail: str = "", function: str = "first", text: str = SOURCE) -> str:
    return GENERIC.apply(Edit("generic", kind, "m.py", function, str(site), detail, "behavioural"), text, TREE)


@pytest.mark.parametrize(
    ("kind", "site", "detail", "before", "after"),
    [
        ("delete", 0, "", "    total = 0\n", ""),
        ("delete", 3, "", "            total += item\n", "            pass\n"),
        ("delete", 6, "", "total //= 2; total", "pass; total"),
        ("replace", 0, "with first#8", "    total = 0\n", "    return total\n"),
        ("swap", 0, "with 8", "    total = 0\n", "    return total\n"),
        ("constant", 0, "True", "if item < low and item not in (1, 2):", "if True:"),
        ("constant", 1, "False", "elif item is None:", "elif False:"),
        ("number", 1, "*2", "(1, 2)", "(2, 2)"),
        ("number", 2, "/2", "(1, 2)", "(1, 1)"),
        ("number", 0, "-1", "total = 0\n", "total = (-1)\n"),
        ("number", 3, "0", "> 100", "> 0"),
        ("compare", 0, "<=", "item < low", "item <= low"),
        ("compare", 1, "in", "not in (1", "in (1"),
        ("compare", 2, "is not", "item is None", "item is not None"),
    ],
)
def test_before_and_after(kind: str, site: int, detail: str, before: str, after: str) -> None:
    changed = apply(kind, site, detail)
    assert before in SOURCE
    if kind == "swap":
        assert changed.index("return total") < changed.index("for item") < changed.index("total = 0")
    else:
        assert changed == SOURCE.replace(before, after, 1)


def test_moving_takes_the_indentation_of_the_new_place() -> None:
    changed = apply("move", 0, "before 3")
    assert "            total = 0\n            total += item\n" in changed
    assert changed.count("total = 0") == 1


def test_replacing_by_a_block_indents_it_anew() -> None:
    changed = apply("replace", 3, "with first#1")
    assert "            for item in items:  # each\n                if item < low" in changed
    compile(changed, "m.py", "exec")


def test_a_string_of_several_lines_is_never_indented_anew() -> None:
    with pytest.raises(EditError, match="several lines"):
        apply("replace", 3, "with Box.second#0")


def test_bytes_outside_the_change_stay() -> None:
    assert apply("compare", 0, ">").replace("item > low", "item < low") == SOURCE


@pytest.mark.parametrize(
    ("kind", "site", "detail"),
    [
        ("delete", 99, ""),
        ("delete", -1, ""),
        ("number", 0, "*3"),
        ("compare", 0, "=="),
        ("constant", 0, "None"),
        ("move", 0, "after 3"),
        ("swap", 0, "with"),
        ("replace", 0, "with nobody#0"),
        ("swap", 6, "with 0"),
        ("invert", 0, ""),
    ],
)
def test_refuses_what_the_baseline_does_not_have(kind: str, site: int, detail: str) -> None:
    with pytest.raises(EditError):
        apply(kind, site, detail)


def test_finds_its_place_in_text_other_edits_have_changed() -> None:
    edited = SOURCE.replace("    total = 0\n", "    low = low or 0\n    total = 0\n").replace(
        "LIMIT = 10", "LIMIT = 11\n"
    )
    assert apply("number", 3, "+1", text=edited) == edited.replace("> 100", "> 101")
    with pytest.raises(EditError, match="no longer there"):
        apply("number", 3, "+1", text=SOURCE.replace("total > 100", "100 < total"))


def test_everything_enumerated_and_proposed_compiles_and_parses_back() -> None:
    site = Site("m.py", "first", 1.0)
    rng = random.Random(5)
    edits = [*GENERIC.enumerate(site, TREE), *(GENERIC.propose(site, TREE, rng) for _ in range(150))]
    kinds = set()
    for edit in edits:
        assert edit is not None and edit.label == "behavioural"
        assert Edit.parse(str(edit)) == edit
        changed = GENERIC.apply(edit, SOURCE, TREE)
        assert changed != SOURCE
        compile(changed, "m.py", "exec")
        kinds.add(edit.kind)
    assert kinds == {"delete", "replace", "swap", "move", "constant", "number", "compare"}


def test_the_draw_follows_the_seed() -> None:
    site = Site("m.py", "first", 1.0)
    one, other = random.Random(3), random.Random(3)
    assert [GENERIC.propose(site, TREE, one) for _ in range(20)] == [
        GENERIC.propose(site, TREE, other) for _ in range(20)
    ]


def test_nothing_to_draw_where_there_is_no_such_function() -> None:
    assert GENERIC.propose(Site("m.py", "absent", 1.0), TREE, random.Random(0)) is None
