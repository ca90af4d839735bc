"""Digests: equal for equal values whatever process made them, different for different ones."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import functools
import io
import itertools
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import types
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.evolution.worker import canonical
from dean_airflow.evolution.worker.canonical import digest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
HASHABLE = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """What a digest promises, written the slow way: equal, of the same types, floats bit for bit (any NaN is NaN)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and repr(one) == repr(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return _matched(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset):
        return _matched(list(one), list(other))
    return bool(one == other)


def _matched(left: list[Any], right: list[Any]) -> bool:
    for item in left:
        position = next((number for number, candidate in enumerate(right) if same(item, candidate)), None)
        if position is None:
            return False
        del right[position]
    return not right


@given(VALUES, VALUES)
def test_two_values_have_one_digest_exactly_if_they_are_the_same(one, other):
    assert (digest(one) == digest(other)) == same(one, other)


@given(st.lists(HASHABLE, max_size=5, unique_by=repr), st.randoms())
def test_order_does_not_count_in_dicts_and_sets_and_does_in_lists(items, chance):
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert digest(dict.fromkeys(items)) == digest(dict.fromkeys(shuffled)) or len(dict.fromkeys(items)) < len(items)
    assert digest(set(items)) == digest(set(shuffled))
    assert (digest(items) == digest(shuffled)) == all(map(same, items, shuffled))


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value


class Slotted:
    __slots__ = ("__hidden", "shown")

    def __init__(self, shown: Any, hidden: Any) -> None:
        self.shown = shown
        self.__hidden = hidden


class Money(decimal.Decimal):
    """An extension type with attributes of its own."""

    note: str


class Tags(set):
    __slots__ = ()


@dataclass
class Point:
    x: float
    y: float


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


Pair = collections.namedtuple("Pair", "a b")


def money(amount: str, note: str = "") -> Money:
    made = Money(amount)
    made.note = note
    return made


def written(text: str) -> io.StringIO:
    stream = io.StringIO()
    stream.write(text)
    return stream


def with_code(code: int) -> ValueError:
    error = ValueError("no")
    error.code = code  # type: ignore[attr-defined]
    return error


def looked_at(path: str) -> pathlib.Path:
    made = pathlib.Path(path)
    hash(made), str(made), made.parts
    return made


DIFFERENT = [
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (0.1 + 0.2, 0.3),
    ("a", b"a"),
    (b"a", bytearray(b"a")),
    ([], ()),
    ([1, 2], [2, 1]),
    ([[1], 2], [1, [2]]),
    (["ab", "c"], ["a", "bc"]),
    ({1: 2}, {2: 1}),
    ({1: {2}}, {1: frozenset({2})}),
    (Plain(1), Plain(2)),
    (Plain(1), Slotted(1, 1)),
    (Slotted(1, 2), Slotted(1, 3)),
    (Point(1.0, 2.0), Point(2.0, 1.0)),
    (Colour.RED, Colour.BLUE),
    (Pair(1, 2), Pair(1, 3)),
    (Pair(1, 2), (1, 2)),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
    (collections.Counter("aab"), collections.Counter("ab")),
    (collections.ChainMap({1: 2}), collections.ChainMap({1: 3})),
    (decimal.Decimal("1.1"), decimal.Decimal("1.2")),
    (money("1", "a"), money("2", "a")),
    (money("1", "a"), money("1", "b")),
    (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
    (pathlib.PurePosixPath("/a"), pathlib.PurePosixPath("/b")),
    (re.compile("a"), re.compile("a", re.I)),
    (re.match("a+", "aa"), re.match("a+", "aaa")),
    (functools.partial(int, "1"), functools.partial(int, "2")),
    ({1: 2}.keys(), {2: 2}.keys()),
    ({1: 2}.values(), {1: 3}.values()),
    (types.MappingProxyType({1: 2}), types.MappingProxyType({1: 3})),
    (written("a"), written("b")),
    (range(3), range(4)),
    (slice(1), slice(2)),
    (1 + 2j, 1 + 3j),
    (len, max),
    (Plain, Slotted),
    (Plain(1).__init__, Plain(2).__init__),  # type: ignore[misc]
    (ValueError(1), TypeError(1)),
    (ValueError(1), ValueError(2)),
    (with_code(1), with_code(2)),
    ((n for n in (1, 2)), (n for n in (1, 3))),
    (map(str, (1, 2)), iter(("1", "2"))),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[f"{a!r:.30} {b!r:.30}" for a, b in DIFFERENT])
def test_different_values_differ(one, other):
    assert digest(one) != digest(other)


ALIKE = [
    lambda: math.nan,
    lambda: 10**5000,
    lambda: "\ud800 half a pair",
    lambda: Plain([1, {2: Plain(3)}]),
    lambda: Slotted("a", {"b"}),
    lambda: Money("3.50"),
    lambda: object(),
    lambda: collections.deque([1, 2], maxlen=3),
    lambda: (n * n for n in range(5)),
    lambda: itertools.chain([1], [2]),
    lambda: functools.partial(int, base=3),
    lambda: with_code(3),
    lambda: re.match("(a)|b", "a"),
    lambda: memoryview(b"abc"),
]


@pytest.mark.parametrize("make", ALIKE)
def test_a_value_made_twice_has_one_digest(make):
    assert digest(make()) == digest(make())


def test_what_an_object_remembers_of_being_asked_does_not_count():
    assert digest(looked_at("/a/b")) == digest(pathlib.Path("/a/b"))
    assert digest(collections.defaultdict(list, {1: [], 2: []})) == digest(
        collections.defaultdict(list, {2: [], 1: []})
    )


def test_sharing_does_not_count_and_cycles_end():
    shared = [1]
    assert digest([shared, shared]) == digest([[1], [1]])

    def cycle(length: int) -> list[Any]:
        first: list[Any] = []
        last = first
        for _ in range(length - 1):
            following: list[Any] = []
            last.append(following)
            last = following
        last.append(first)
        return first

    assert digest(cycle(2)) == digest(cycle(2))
    assert digest(cycle(1)) != digest(cycle(2))
    person = Plain(None)
    person.value = {"self": person}
    other = Plain(None)
    other.value = {"self": other}
    assert digest(person) == digest(other)


def test_what_a_value_raises_when_looked_at_counts():
    def broken(error: type[Exception]):
        yield 1
        raise error

    assert digest(broken(KeyError)) == digest(broken(KeyError))
    assert digest(broken(KeyError)) != digest(broken(ValueError))
    assert digest(broken(KeyError)) != digest(iter([1]))


def test_an_endless_iterator_is_cut_off(monkeypatch):
    monkeypatch.setattr(canonical, "MAX_ITEMS", 1000)
    assert digest(itertools.count()) == digest(itertools.count())
    assert digest(itertools.count()) != digest(itertools.count(1))


def test_arrays_count_by_type_shape_and_bytes():
    numpy = pytest.importorskip("numpy")
    one = numpy.arange(6.0)
    assert digest(one) == digest(numpy.arange(6.0))
    assert digest(one) != digest(one.reshape(2, 3))
    assert digest(one) != digest(one.astype("float32"))
    assert digest(one.reshape(2, 3)) == digest(numpy.asfortranarray(one.reshape(2, 3)))
    text = [numpy.array([("a" * n, n)], dtype=[("s", object), ("n", int)]) for n in (1, 1, 2)]
    assert digest(text[0]) == digest(text[1]) != digest(text[2])


SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from dean_airflow.evolution.worker.canonical import digest
from tests.unit.evolution.worker import test_canonical as values
words = {f"word {number}" for number in range(40)}
nested = {frozenset({word, word * 2}): {word: {word}} for word in words}
made = [words, nested, values.Tags(words), values.Plain(nested), nested.keys(), *(make() for make in values.ALIKE)]
print(json.dumps([digest(value) for value in made]))
"""


def test_digests_agree_between_processes_of_different_hash_seeds():
    here = str(pathlib.Path(__file__).parents[4])

    def digests(seed: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, here],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        found: list[str] = json.loads(done.stdout)
        return found

    assert digests("1") == digests("2")
