import pytest

from tests.unit.evolution.edits.helpers import after, agree, found, refuses

KIND = "pair_fast_path"


def test_calls_loops_and_questions_are_written_out_for_two() -> None:
    source = """
        def f(*items):
            # none at all
            if not items:
                return 0
            if len(items) == 1:
                return items[0]
            if not all(items):
                return max(map(len, items))
            total = items[0]
            for item in items[1:]:
                total += item
            return total, [len(x) for x in items], g(*items), any(map(lambda x: x > "b", items))
        def g(*items):
            return items[-1]
        """
    new = after(KIND, source)
    assert (
        "    if len(items) == 2:\n"
        "        _first, _second = items\n"
        "        if not (_first and _second):\n"
        "            return max(len(_first), len(_second))\n"
        "        total = _first\n"
        "        item = _second\n"
        "        total += item\n"
        "        return (total, [len(_first), len(_second)], g(_first, _second), "
        "True if _first > 'b' or _second > 'b' else False)\n"
        "    # none at all\n"
        "    if not items:\n"
    ) in new
    given = ("", "'a'", "'a', 'b'", "'c', 'd'", "'a', ''", "[], [1]", "'a', [1]", "1, 2", "'x', 'x', 'x'")
    calls = [f"f({arguments})" for arguments in given]
    agree(source, new, calls)


SAME = """
    class K:
        @staticmethod
        def same(*items):
            try:
                return len(set(items)) == 1
            except TypeError:
                return all(item == items[0] for item in items)

        def f(self, *items):
            if self.same(*items):
                return 1
            return 2

    class L(K):
        @staticmethod
        def same(*items):
            return False
    """


def test_for_two_strings_a_set_of_one_is_a_comparison() -> None:
    new = after(KIND, SAME, function="K.same", detail="str")
    assert "if type(_first) is str and type(_second) is str:\n                return _first == _second\n" in new
    odd = "type('S', (str,), {'__eq__': lambda s, o: True, '__hash__': lambda s: 1})('z')"
    values = ["'a'", "'b'", "1", "1.0", "float('nan')", "[]", odd]
    agree(SAME, new, [f"K.same({a}, {b})" for a in values for b in values] + ["K.same()", "K.same('a')"])


def test_a_static_method_is_written_out_behind_a_guard() -> None:
    new = after(KIND, SAME, function="K.f")
    assert "_first == _second if self.same is K.same" in new
    calls = [f"{k}().f({a}, {b})" for k in "KL" for a in ("'a'", "1", "[]") for b in ("'a'", "'b'", "[]")]
    agree(SAME, new, calls)


@pytest.mark.parametrize(
    "source",
    [
        "def f(items):\n    return len(items)\n",
        "def f(*items):\n    return g(items)\n",
        "def f(*items):\n    for x in items:\n        print(x)\n",
        "def f(*items):\n    yield len(items)\n",
        "def f(*items):\n    items = items[1:]\n    return g(items)\n",
        "def f(len, *items):\n    return g(*items)\n",
    ],
)
def test_it_refuses(source: str) -> None:
    assert refuses(KIND, source)


def test_facts_end_where_the_arguments_are_bound_again() -> None:
    source = "def f(*items):\n    if not items:\n        return 0\n    items = [*items, 3]\n    return len(items)\n"
    for edit in found(KIND, source):
        agree(source, after(KIND, source, detail=edit.detail), ["f()", "f(1)", "f(1, 2)", "f(1, 2, 3)"])
