import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "hoist_constant_container"


def test_a_dictionary_that_is_only_looked_up_is_built_at_import() -> None:
    source = """
        def f(kind):
            ranks = {
                type(None): 0,  # nothing
                int: 1,
            }
            return ranks.get(kind, 5), kind in ranks
        """
    new = after(KIND, source)
    assert new == dedent(
        """
        _f_ranks = {
            type(None): 0,  # nothing
            int: 1,
        }
        def f(kind):
            ranks = _f_ranks
            return ranks.get(kind, 5), kind in ranks
        """
    )
    agree(source, new, ["f(int)", "f(type(None))", "f(str)", "f([])"])


def test_the_same_display_twice_is_built_once() -> None:
    new = after(KIND, "def f(x):\n    return x in [int, str] or type(x) in [int, str]\n")
    assert new.count("[int, str]") == 1 and new.count("in _f_constants") == 2


def test_globals_bound_once_above_count_as_constants() -> None:
    source = "A = object()\nB = 2\ndef f(x):\n    return {A: 1, B: 2}[x]\n"
    assert "_f_constants = {A: 1, B: 2}\ndef f" in after(KIND, source)


@pytest.mark.parametrize(
    "body",
    [
        "d = {int: 1}; d[x] = 2; return d.get(x)",
        "d = {int: 1}; return d",
        "d = {int: 1}; g(d); return d.get(x)",
        "d = {int: 1}; e = d; return d.get(x)",
        "d = [int, str]; d.append(x); return x in d",
        "d = [int, str]; del d[0]; return x in d",
        "d = {int: x, str: 1}; return d.get(x)",
        "d = {int: [], str: []}; return d.get(x)",
        "return {int: [1], str: [2]}[x]",
        "return [int, str]",
        "return [int, str] == x",
        "return x in [1, 2, 3]",
        "return x in (1, 2)",
        "d = {int: 1}\n    if x: d = {str: 2}\n    return d.get(x)",
    ],
)
def test_it_refuses(body: str) -> None:
    assert refuses(KIND, f"def f(x, g=print):\n    {body}\n")


def test_it_refuses_names_that_may_change_or_come_later() -> None:
    assert refuses(KIND, "def f(x):\n    return {A: 1, B: 2}[x]\nA = B = 1\n")
    assert refuses(KIND, "A = 1\nA = 2\ndef f(x):\n    return {A: 1, 3: 2}[x]\n")
    assert refuses(KIND, "A = 1\ndef g():\n    global A\n    A = 5\ndef f(x):\n    return {A: 1, 3: 2}[x]\n")


def test_annotations_and_handlers_are_left_alone() -> None:
    assert refuses(KIND, "def f(x):\n    d: dict[tuple[int, str], int] = x\n    return d\n")
    assert refuses(
        KIND, "def f(x):\n    try:\n        return x()\n    except (ValueError, TypeError):\n        return 1\n"
    )
