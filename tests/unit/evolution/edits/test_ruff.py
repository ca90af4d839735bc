"""Ruff's fixes as edits: found, named, labelled, applied to the baseline and to text other edits have
changed."""

from __future__ import annotations

import ast
import random

import pytest

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.ruff import RuffSource
from dean_airflow.evolution.edits.source import Site

SOURCE = '''\
"""Café: columns are counted in characters, not in bytes."""


def early(x):
    if x:  # kept
        return 1
    else:
        return 2


class Wide:
    def both(self, x, é):
        y = set([a for a in x]); é = "{} {}".format(x, é)   # odd   spacing stays
        z = set([b for b in x])
        return y, z, é

    def pick(self, x):
        if x > 1:
            y = 1
        else:
            y = 2
        return y
'''
TREE = {"pkg/mod.py": SOURCE}
RUFF = RuffSource()


def edits(function: str) -> list[Edit]:
    return list(RUFF.enumerate(Site("pkg/mod.py", function, 1.0), TREE))


def one(function: str, kind: str, site: str = "0") -> Edit:
    return next(edit for edit in edits(function) if (edit.kind, edit.site) == (kind, site))


def test_a_safe_fix_is_preserving_and_changes_its_lines_only() -> None:
    edit = one("early", "RET505")
    assert edit.label == "preserving"
    changed = RUFF.apply(edit, SOURCE, TREE)
    assert changed == SOURCE.replace("    else:\n        return 2\n", "    return 2\n")


def test_an_unsafe_fix_is_behavioural() -> None:
    edit = one("Wide.pick", "SIM108")
    assert edit.label == "behavioural"
    assert "        y = 1 if x > 1 else 2\n" in RUFF.apply(edit, SOURCE, TREE)


def test_names_parse_back() -> None:
    for function in ("early", "Wide.both", "Wide.pick"):
        for edit in edits(function):
            assert Edit.parse(str(edit)) == edit


def test_each_fix_of_a_code_is_named_by_its_order() -> None:
    first, second = one("Wide.both", "C403", "0"), one("Wide.both", "C403", "1")
    assert "y = {a for a in x};" in RUFF.apply(first, SOURCE, TREE)
    assert "z = {b for b in x}" in RUFF.apply(second, SOURCE, TREE)


def test_columns_after_a_letter_of_two_bytes() -> None:
    changed = RUFF.apply(one("Wide.both", "UP032"), SOURCE, TREE)
    assert 'é = f"{x} {é}"   # odd   spacing stays\n' in changed


def test_a_bundle_makes_every_safe_fix_of_its_code() -> None:
    source = "def f(a):\n    x = '{}'.format(a)\n    y = '{}'.format(x)\n    return x + y\n"
    tree = {"m.py": source}
    bundle = next(iter(RUFF.enumerate(Site("m.py", "f", 1.0), tree)))
    assert (bundle.kind, bundle.site, bundle.label) == ("UP032", "*", "preserving")
    assert RUFF.apply(bundle, source, tree) == "def f(a):\n    x = f'{a}'\n    y = f'{x}'\n    return x + y\n"


def test_applies_below_lines_other_edits_have_added() -> None:
    moved = SOURCE.replace("    def pick(self, x):\n", "    def pick(self, x):\n        x += 1\n")
    moved = "import re\n" + moved
    changed = RUFF.apply(one("Wide.pick", "SIM108"), moved, TREE)
    assert "x += 1\n        y = 1 if x > 1 else 2\n" in changed
    ast.parse(changed)


def test_refuses_when_its_lines_are_gone() -> None:
    edited = SOURCE.replace("y = 2", "y = 3")
    with pytest.raises(EditError, match="no longer there"):
        RUFF.apply(one("Wide.pick", "SIM108"), edited, TREE)


def test_refuses_what_the_baseline_does_not_have() -> None:
    with pytest.raises(EditError, match="no fix"):
        RUFF.apply(Edit("ruff", "C403", "pkg/mod.py", "Wide.both", "7"), SOURCE, TREE)


def test_an_unsafe_fix_cannot_be_passed_off_as_preserving() -> None:
    claimed = Edit("ruff", "SIM108", "pkg/mod.py", "Wide.pick", "0", label="preserving")
    with pytest.raises(EditError, match="safe"):
        RUFF.apply(claimed, SOURCE, TREE)


def test_carriage_returns_stay() -> None:
    source = SOURCE.replace("\n", "\r\n")
    changed = RUFF.apply(one("early", "RET505"), source, {"pkg/mod.py": source})
    assert changed.count("\r\n") == changed.count("\n") == source.count("\n") - 1


def test_proposals_follow_the_seed() -> None:
    site = Site("pkg/mod.py", "Wide.both", 1.0)
    drawn = [str(RUFF.propose(site, TREE, random.Random(seed))) for seed in range(20)]
    assert drawn == [str(RUFF.propose(site, TREE, random.Random(seed))) for seed in range(20)]
    assert len(set(drawn)) > 1
    assert RUFF.propose(Site("pkg/mod.py", "absent", 1.0), TREE, random.Random(0)) is None
