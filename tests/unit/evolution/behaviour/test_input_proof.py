"""What is seen of a function on varied inputs, and what is said when nothing can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dean_airflow.evolution.behaviour.changes import find_changes
from tests.unit.evolution.behaviour.projects import Project, project

LIBRARY = """
import os
import threading


def half(number, digits=2):
    if number < 0:
        raise ValueError(number)
    print("half of", number)
    return round(number / 2, digits)


def order(items, reverse=False):
    items.sort(reverse=reverse)
    return len(items)


class Account:
    def __init__(self, balance, limit):
        self.balance, self.limit, self.log = balance, limit, []

    def draw(self, amount):
        if self.balance - amount < -self.limit:
            raise ValueError("beyond the limit")
        self.balance -= amount
        self.log.append(amount)


def pairs(items, step=1):
    for number in range(0, len(items) - 1, step):
        yield items[number], items[number + 1]


async def later(number):
    return number * 2


def countdown(number):
    steps = 0
    while number != 0:
        number -= 1
        steps += 1
    return steps


def first(text, default=""):
    return text[0] if text else default


def scale(values, factor):
    return [value * factor for value in values]


def unused(value):
    return value


def adder(number):
    def add(other):
        return number + other
    return add


def locked(lock, number):
    with lock:
        return number + 1


def answer():
    return 42
"""
TESTS = """
import asyncio
import threading

def test_all():
    assert half(3) == 1.5
    assert half(4, 1) == 2.0
    assert order([3, 1, 2]) == 3
    assert order([1, 5], True) == 2
    account = Account(10, 5)
    account.draw(12)
    account.draw(1)
    assert account.balance == -3
    assert list(pairs('abcd')) == [('a', 'b'), ('b', 'c'), ('c', 'd')]
    assert asyncio.run(later(4)) == 8
    assert [countdown(n) for n in (0, 3, 50)] == [0, 3, 50]
    assert first('abc') == 'a'
    assert first('', 'x') == 'x'
    assert adder(1)(2) == 3
    assert locked(threading.Lock(), 1) == 2
    assert answer() == 42
"""
BENCHMARK = "def run(seed):\n    return lib.scale(list(range(seed, seed + 5)), 3)\n"
FEW = 120
"""Inputs; enough to see the differences planted here."""


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("inputs"), LIBRARY, TESTS, benchmark=BENCHMARK) as made:
        yield made


def differs(lib: Project, old: str, new: str) -> str:
    """What varied inputs alone say about a change of one function."""
    files = lib.changed(old, new)
    return replace(lib.inputs, wanted=FEW, _known={}).differs(find_changes(lib.tree, files).functions, files)


def test_values_types_exceptions_and_prints_are_seen(lib: Project) -> None:
    whole = "round(number / 2, digits)"
    assert differs(lib, whole, "round(number / 2.0, digits)") == ""
    assert "the candidate raises TypeError" in differs(lib, "ValueError(number)", "TypeError(number)")
    assert "the candidate returns" in differs(lib, "number < 0:", "number < -1:")
    assert "the candidate returns '" in differs(lib, whole, f"str({whole})")
    assert "what it prints" in differs(lib, '"half of", number', '"half", number')


def test_changed_arguments_are_seen(lib: Project) -> None:
    assert "leaves its arguments" in differs(lib, "items.sort(reverse=reverse)", "items.sort and sorted(items)")
    assert differs(lib, "items.sort(reverse=reverse)", "getattr(items, 'sort')(reverse=reverse)") == ""


def test_methods_are_compared_with_their_objects(lib: Project) -> None:
    assert differs(lib, "self.balance -= amount", "self.balance = self.balance - amount") == ""
    assert "draw does not do the same" in differs(lib, "self.log.append(amount)", "self.log = [amount]")
    assert "draw does not do the same" in differs(lib, "< -self.limit", "< -5")


def test_generators_and_coroutines_are_run_to_their_end(lib: Project) -> None:
    assert "pairs does not do the same" in differs(lib, "len(items) - 1, step", "len(items) - 1, 1")
    assert differs(lib, "len(items) - 1, step", "-1 + len(items), step") == ""
    assert "later does not do the same" in differs(lib, "number * 2", "number * 3")
    assert differs(lib, "number * 2", "2 * number") == ""


def test_inputs_that_hang_are_bounded_and_count_as_an_outcome(lib: Project) -> None:
    files = lib.changed("number != 0", "number > 0")
    (function,) = find_changes(lib.tree, files).functions
    order = {"path": "lib.py", "line": function.line, "name": "countdown", "benchmark": "", "wanted": 15, "seed": 1}
    answer = lib.runner.worker.request("inputs", 60.0, files=files, ids=list(lib.baseline.tests), **order)
    assert answer["different"] > 0
    assert any("took too long, the candidate returns 0" in example for example in answer["examples"])


def test_candidates_that_end_their_process_are_seen(lib: Project) -> None:
    assert "the candidate ended its process" in differs(lib, "text[0] if text", "text[0] if text or os._exit(0)")


def test_calls_of_the_benchmark_are_inputs_too(lib: Project) -> None:
    assert differs(lib, "[value * factor for value in values]", "[*(value * factor for value in values)]") == ""
    assert "scale does not do the same" in differs(lib, "value * factor", "value * 3")


def test_what_cannot_be_compared_is_not_taken_for_equal(lib: Project) -> None:
    assert differs(lib, "return value\n", "return (value)[:]\n") == (
        "unused cannot be compared on varied inputs: no test or benchmark calls it"
    )
    assert (
        differs(lib, "number + other", "other + number")
        == "only 0 of 120 different inputs could be made to compare adder on"
    )
    assert "their arguments cannot be copied" in differs(lib, "    return number + 1", "    return 1 + number")
    assert differs(lib, "return 42", "return 6 * 7") == (
        "only 1 of 120 different inputs could be made to compare answer on"
    )
    assert "signature" in differs(lib, "def adder(number):", "def adder(number=1):")


def test_answers_are_remembered_for_functions_of_the_same_form(lib: Project) -> None:
    proof = replace(lib.inputs, wanted=FEW, _known={})
    once, again = lib.changed("return number * 2", "return 2 * number"), lib.changed("number * 2", "2*number  # so")
    assert proof.differs(find_changes(lib.tree, once).functions, once) == ""
    lib.runner.close()
    assert proof.differs(find_changes(lib.tree, again).functions, again) == ""
    assert lib.runner._worker is None
