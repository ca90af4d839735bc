"""Which faults are planted in a line."""

from __future__ import annotations

import pytest

from dean_airflow.evolution.behaviour.mutants import MOST, Line


def planted(text: str, line: int) -> list[str]:
    return [mutant.text for mutant in Line(text, line).mutants()]


@pytest.mark.parametrize(
    ("line", "mutant"),
    [
        ("return a < b", "return (a >= b)"),
        ("return a and b", "return (a or b)"),
        ("return a + b", "return (a - b)"),
        ("return not a", "return (a)"),
        ("return 7", "return (8)"),
        ("return True", "return (False)"),
        ("return 'é' + a", "return ('') + a"),
        ("return a if b else c", "return (c if b else a)"),
        ("return [x for x in a if x]", "return ([x for x in a if not x])"),
        ("return f'{a}'", "return ('')"),
        ("return a", "return (None)"),
        ("return", "pass"),
        ("a += b", "a -= b"),
        ("a.append(b)", "pass"),
        ("a = b", "a = (None)"),
        ("raise a", "pass"),
        ("yield a", "yield (())"),
    ],
)
def test_each_kind_of_line_has_its_faults(line: str, mutant: str) -> None:
    texts = planted(f"def f(a, b, c):\n    {line}\n", 2)
    assert f"def f(a, b, c):\n    {mutant}\n" in texts
    assert len(texts) <= MOST


@pytest.mark.parametrize(
    ("block", "mutant"),
    [
        ("if a:", "if (not (a)):"),
        ("while a:", "while (False):"),
        ("for x in a:", "for x in (()):"),
        ("with a:", "with __import__('contextlib').nullcontext():"),
    ],
)
def test_headers_of_blocks_have_theirs(block: str, mutant: str) -> None:
    text = f"def f(a, b):\n    {block}\n        b += 1\n"
    assert text.replace(block, mutant) in planted(text, 2)
    assert Line(text, 2).lines == [2]


@pytest.mark.parametrize("line", ['"""Says what f does."""', "pass", "# a remark", "", "global g"])
def test_nothing_can_go_wrong_in_a_line_that_does_nothing(line: str) -> None:
    assert not Line(f"def f(a):\n    {line}\n    return a\n", 2).can_fail


def test_a_plain_definition_has_none_and_a_default_has() -> None:
    assert planted("def f(a: int = 3) -> int:\n    return a\n", 1)[0].startswith("def f(a: int = (4)) -> int:")
    assert not Line("def f(a: 'x') -> 'y':\n    return a\n", 1).can_fail


def test_lines_inside_an_expression_have_their_own_faults_or_the_statements() -> None:
    text = "def f(a, b):\n    return g(\n        a + 1,\n        b,\n    )\n"
    assert text.replace("a + 1", "(a - 1)") in planted(text, 3)
    assert planted(text, 4) == planted(text, 5) != []
    assert Line(text, 5).lines == [2, 3, 4, 5]


def test_a_byte_order_mark_and_wide_letters_stay_in_place() -> None:
    text = "\ufeffdef f(a):\n    return 'ß漢' + str(a - 1)\n"
    assert text.replace("a - 1", "(a + 1)") in planted(text, 2)
