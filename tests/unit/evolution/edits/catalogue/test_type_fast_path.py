import pytest

from tests.unit.evolution.edits.helpers import after, agree, found, refuses

KIND = "type_fast_path"
TEXT = """
    def is_flag(x):
        return type(x) is bool or (isinstance(x, (bytes, str)) and x in ("yes", b"yes"))

    def f(value, strict=True):
        "doc"
        # nothing at all
        if value is None or (isinstance(value, (bytes, str)) and not value):
            return "none"
        elif hasattr(value, "isoformat"):
            return value.isoformat()
        elif is_flag(value):
            return "flag"
        elif strict and (type(value) in (int, float) or str(type(value)).startswith("<class 'numpy.")):
            return "number"
        return "text" if isinstance(value, str) else "?"
    """


def test_what_remains_for_one_exact_type_is_put_first() -> None:
    new = after(KIND, TEXT, detail="value:int")
    assert (
        "    if type(value) is int:\n"
        "        if strict:\n"
        "            return 'number'\n"
        "        return '?'\n"
        "    # nothing at all\n"
        "    if value is None"
    ) in new
    assert new.count("def f") == 1


def test_every_way_gives_what_it_gave() -> None:
    subclass = "type('S', (str,), {})('')"
    values = ["None", "''", "b''", "'yes'", "b'yes'", "'x'", "True", "0", "1.5", "[]", "object", subclass]
    calls = [f"f({value}, strict={strict})" for value in values for strict in (0, 1)]
    details = {edit.detail for edit in found(KIND, TEXT)}
    assert details >= {"", "value:int", "value:float", "value:str"}
    for detail in details:
        agree(TEXT, after(KIND, TEXT, detail=detail), calls)


def test_facts_end_where_the_variable_is_bound_again() -> None:
    source = """
        def f(x, n):
            if isinstance(x, str):
                x = n
            if isinstance(x, str):
                return 1
            while n:
                if isinstance(x, int):
                    return 2
                x = n = 0
            return isinstance(x, str), isinstance(x, int)
        """
    edits = found(KIND, source)
    for edit in edits:
        new = after(KIND, source, detail=edit.detail)
        agree(source, new, [f"f({x}, {n})" for x in ("''", "1", "2.0") for n in ("0", "1", "'s'")])


def test_a_name_bound_inside_an_expression_is_not_known_there() -> None:
    source = """
        def f(x):
            if isinstance(x, str):
                if (x := len(x)) and isinstance(x, int):
                    return 1
            y = isinstance(x, int) and [x := "s"] and isinstance(x, int)
            return isinstance(x, str), y
        """
    for edit in found(KIND, source):
        agree(source, after(KIND, source, detail=edit.detail), ["f('')", "f('a')", "f(1)", "f(1.5)", "f(None)"])


def test_what_a_type_may_gain_in_another_python_is_not_decided() -> None:
    source = (
        "def f(x):\n    if isinstance(x, (int, float)) and hasattr(x, 'is_integer'):\n        return 1\n    return 2\n"
    )
    assert "type(x) is int:\n        if hasattr(x, 'is_integer'):" in after(KIND, source, detail="x:int")
    assert "type(x) is float:\n        return 1\n" in after(KIND, source, detail="x:float")


def test_what_a_string_method_or_a_pattern_makes_of_a_string_is_a_string() -> None:
    source = """
        import re
        P = re.compile("a+")

        def f(x, fold):
            if fold and isinstance(x, str):
                x = P.sub("-", x)
            x = x.strip()
            if isinstance(x, bytes):
                return b"bytes"
            return "text" if isinstance(x, str) else "?"
        """
    new = after(KIND, source, detail="x:str")
    assert "            x = P.sub('-', x)\n        x = x.strip()\n        return 'text'\n" in new
    agree(source, new, [f"f({x}, {fold})" for x in ("' ba '", "b' '", "1") for fold in (0, 1)])


def test_what_is_asked_before_the_answer_is_known_is_still_asked() -> None:
    source = """
        class Odd:
            def __bool__(self):
                raise ValueError("not a truth")

        def f(x, flag):
            if flag and isinstance(x, bytes):
                return 1
            return 2 if isinstance(x, str) else 3
        """
    agree(source, after(KIND, source, detail="x:str"), ["f('', Odd())", "f('', 0)", "f('', 1)", "f(b'', 1)"])


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x + 1\n",
        "def f(x):\n    if isinstance(x, K):\n        return 1\n    return 2\n",
        "def f(x):\n    if isinstance(x, str):\n        x = 1\n",
        "def f(x):\n    if isinstance(x, str):\n        yield 1\n    return\n",
        "def f(x):\n    global y\n    if isinstance(x, str):\n        return 1\n    return 2\n",
        "def f(x, isinstance):\n    if isinstance(x, str):\n        return 1\n    return 2\n",
        "from m import *\ndef f(x):\n    if isinstance(x, str):\n        return 1\n    return 2\n",
        "def f(x):\n    def g():\n        nonlocal x\n    if isinstance(x, str):\n        return 1\n    return 2\n",
    ],
)
def test_it_refuses(source: str) -> None:
    assert refuses(KIND, source)
