"""The whole check on small projects: what behavioural edits survive, and why others do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.behaviour.proof import BehaviourProof
from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.sources import edit_sources
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from tests.unit.evolution.behaviour.projects import PRESERVING, Project, project

LIBRARY = """
LIMIT = 3


def width(text, wide=False):
    if wide:
        total = 0
        for letter in text:
            total += 2 if letter > "z" else 1
        return total
    return len(text)


def height(text, tall=False):
    if tall:
        return text.count("\\n") + 2
    return text.count("\\n") + 1


def depth(text):
    return text.count("(") * 2


def clean(text):
    parts = text.replace("\\t", " ").split(" ")
    return [part for part in parts if part]


def cut(text):
    return text[:LIMIT]
"""
TESTS = """
def test_narrow():
    assert width("abc") == 3

def test_wide():
    assert width("ab~", True) == 4
    assert width("", True) == 0

def test_height():
    assert height("a") == 1

def test_depth():
    assert depth("()") is not None

def test_clean():
    assert clean("a b") == ["a", "b"]
    assert clean("a  b c ") == ["a", "b", "c"]
    assert clean("") == []

def test_cut():
    assert cut("abcdef") == "abc"
"""


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("proof"), LIBRARY, TESTS) as made:
        yield made


def test_an_equivalent_change_survives(lib: Project) -> None:
    assert lib.why_not('total += 2 if letter > "z" else 1', 'total += 1 if letter <= "z" else 2') == ""


def test_a_feature_without_a_test_cannot_be_removed(lib: Project) -> None:
    line = LIBRARY.strip("\n").split("\n").index('        return text.count("\\n") + 2') + 1
    reason = lib.why_not('return text.count("\\n") + 2', "pass")
    assert reason == f"line {line} of lib.py is run by no test"


def test_a_feature_that_tests_run_but_do_not_check_cannot_be_removed(lib: Project) -> None:
    reason = lib.why_not('return text.count("(") * 2', "return 0")
    assert reason.startswith("no test notices when line ")
    assert 'text.count("(") * 2 → (text.count(' in reason


def test_a_feature_that_only_rare_inputs_show_cannot_be_removed(lib: Project) -> None:
    reason = lib.why_not('text.replace("\\t", " ").split', "text.split")
    assert reason.startswith("clean does not do the same for ")
    assert "\\t" in reason


def test_a_constant_of_the_module_is_no_functions_business(lib: Project) -> None:
    assert lib.why_not("LIMIT = 3", "LIMIT = 4").startswith("it changes code of lib.py outside functions")


def test_a_comment_changes_nothing(lib: Project) -> None:
    assert lib.why_not('text.count("(") * 2', 'text.count("(") * 2  # as it is') == ""


def test_preserving_edits_are_not_asked_for_more(lib: Project) -> None:
    assert lib.why_not("return len(text)", "return 7", PRESERVING) == ""


def test_what_the_tests_noticed_is_remembered(lib: Project) -> None:
    place = ("lib.py", LIBRARY.strip("\n").split("\n").index("    return text[:LIMIT]") + 1)
    assert lib.lines.unnoticed([place]) == ""
    lib.runner.close()
    assert lib.lines.unnoticed([place]) == ""
    assert lib.runner._worker is None


def test_blind_edits_of_a_trial_are_judged_with_the_genome_they_are_in(lib: Project) -> None:
    """The generic source's own edits: one that the tests miss, among others."""
    sources = edit_sources(["catalogue", "generic"])
    check = BehaviourProof(lib.tree, lambda genome: apply_genome(genome, lib.tree, sources), lib.lines, lib.inputs)
    for edit in (
        Edit("generic", "constant", "lib.py", "width", "0", "True", "behavioural"),
        Edit("generic", "number", "lib.py", "depth", "0", "+1", "behavioural"),
    ):
        genome = (edit,)
        assert check.why_not(genome, apply_genome(genome, lib.tree, sources)), edit


def test_it_holds_in_the_strongest_sandbox_here(tmp_path: Path) -> None:
    try:
        choose_sandbox("auto")
    except SandboxError as error:
        pytest.skip(str(error))
    with project(tmp_path, LIBRARY, TESTS, level="auto") as jailed:
        assert jailed.why_not("text[:LIMIT]", "text[0:LIMIT]") == ""
        assert jailed.why_not("text[:LIMIT]", "text[:3]") == ""
        assert "varied inputs" in jailed.why_not('letter > "z"', 'letter > "{"')
