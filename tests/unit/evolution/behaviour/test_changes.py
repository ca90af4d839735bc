"""Which functions and lines count as changed."""

from __future__ import annotations

from dean_airflow.evolution.behaviour.changes import Changes, find_changes

TEXT = '''import re

LIMIT = 3


class Box:
    size = 1

    @property
    def area(self):
        """The area."""
        return self.size ** 2

    @area.setter
    def area(self, value):
        self.size = value


def f(a):
    def inner(b):
        return b + LIMIT

    return inner(a)
'''


def changes(*replaced: tuple[str, str]) -> Changes:
    text = TEXT
    for old, new in replaced:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return find_changes({"m.py": TEXT}, {"m.py": text})


def test_a_method_is_named_and_placed_by_its_decorator() -> None:
    found = changes(("self.size = value", "self.size = value + 0"))
    assert [(one.name, one.line, one.last) for one in found.functions] == [("Box.area", 14, 16)]
    assert found.lines == (("m.py", 16),)


def test_an_inner_function_counts_to_the_one_around_it() -> None:
    found = changes(("return b + LIMIT", "return LIMIT + b"))
    assert [one.name for one in found.functions] == ["f"]
    assert found.lines == (("m.py", 21),)


def test_comments_and_layout_are_no_change() -> None:
    assert changes(("return inner(a)", "return inner( a )  # so")) == Changes((), ())


def test_new_names_may_be_added_to_the_module_but_no_old_one_bound_anew() -> None:
    used = ("** 2", "** _TWO")
    assert changes(("LIMIT = 3\n", "LIMIT = 3\n_TWO = 2\n"), used).elsewhere == ""
    assert changes(("LIMIT = 3\n", "LIMIT = 3\nLIMIT = 4\n"), used).elsewhere
    assert changes(("LIMIT = 3\n", "LIMIT = 3\nprint(LIMIT)\n"), used).elsewhere
    assert changes(("size = 1", "size = 2")).elsewhere
    assert changes(("import re\n", "")).elsewhere


def test_both_neighbours_of_an_insertion_count() -> None:
    found = changes(("    return inner(a)", "    a = a\n    return inner(a)"))
    assert found.lines == (("m.py", 22), ("m.py", 23))
