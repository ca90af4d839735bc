"""Swapping a candidate's functions into an imported target: what must be seen, and what must be refused."""

from __future__ import annotations

import inspect
import linecache
import traceback

import pytest

from dean_airflow.evolution.worker.swap import CannotSwap, Swapper

BEFORE = """
    LIMIT = 10


    def first(n):
        return n + 1


    def second(n):
        return n + 2


    class Box:
        size = 3

        def third(self, n):
            return n + self.size

        def fourth(self):
            return 4


    def last(n):
        return n
"""


def test_a_function_is_exchanged_for_everyone_who_has_it(load, swap):
    target = load(BEFORE)
    user = load("from target import first\nTABLE = {'f': first}\n\ndef use(n):\n    return first(n)\n", "user")
    bound = target.Box().third
    swap(BEFORE.replace("n + 1", "n + 100").replace("n + self.size", "n * self.size"))
    assert target.first(1) == user.use(1) == user.TABLE["f"](1) == 101
    assert bound(5) == target.Box().third(5) == 15
    assert (target.second(1), target.Box().fourth(), target.last(1)) == (3, 4, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return n + 1", "m = n\n        return m + 9"),
        ("return n + 1", "# why\n\n        return n + 9"),
        ("    def first(n):\n        return n + 1", "    # a note before it\n    def first(n): return n + 9"),
        ("        return n + 1\n", "        return n + 9\n\n\n"),
        ("    def first(n):\n", "    EXTRA = 9\n\n\n    def first(n):\n        return n + EXTRA\n"),
        ("    def first(n):\n", "    import math as _m\n\n\n    def first(n):\n        return n + int(_m.sqrt(81))\n"),
        (
            "    def first(n):\n",
            "    def helper(n):\n        return n + 9\n\n\n    def first(n):\n        return helper(n)\n",
        ),
    ],
)
def test_whatever_the_shape_of_the_change_the_rest_stays(load, swap, old, new):
    target = load(BEFORE)
    assert old in BEFORE
    swap(BEFORE.replace(old, new))
    assert target.first(1) == 10
    assert (target.second(1), target.Box().third(1), target.Box().fourth(), target.last(1)) == (3, 4, 4, 1)


def test_several_functions_of_one_file_change_at_once(load, swap):
    target = load(BEFORE)
    swap(
        BEFORE.replace("return n + 1", "return n - 1")
        .replace("return n + 2", "x = n\n\n        return x - 2")
        .replace("return n + self.size", "return self.size")
        .replace("return 4", "return 44")
        .replace("return n\n", "return -n\n")
    )
    assert (target.first(1), target.second(1)) == (0, -1)
    assert (target.Box().third(7), target.Box().fourth(), target.last(1)) == (3, 44, -1)


def test_methods_keep_super_private_names_and_properties(load, swap):
    text = """
        class Base:
            def value(self):
                return 1


        class Derived(Base):
            def __init__(self):
                self.__secret = 5

            def value(self):
                return super().value() + self.__secret

            @property
            def double(self):
                return 2 * self.__secret

            @double.setter
            def double(self, new):
                self.__secret = new // 2

            @staticmethod
            def plain(n):
                return n

            @classmethod
            def name(cls):
                return cls.__name__

            class Inner:
                def deep(self):
                    return "deep"
    """
    target = load(text)
    thing = target.Derived()
    swap(
        text.replace("super().value() + self.__secret", "super().value() - self.__secret")
        .replace("2 * self.__secret", "20 * self.__secret")
        .replace("new // 2", "new // 20")
        .replace("return n\n", "return -n\n")
        .replace("cls.__name__", "cls.__name__.lower()")
        .replace('"deep"', '"deeper"')
    )
    assert (thing.value(), thing.double) == (-4, 100)
    thing.double = 60
    assert thing.double == 60
    assert (target.Derived.plain(1), target.Derived.name(), target.Derived.Inner().deep()) == (-1, "derived", "deeper")


def test_decorated_functions_and_closures_that_live_already(load, swap):
    text = """
        import functools


        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                return ("logged", function(*args))

            return wrapper


        @logged
        def add(a, b):
            return a + b


        @functools.lru_cache
        def cached(n):
            return n + 1


        def adder(n):
            def inner(m):
                return n + m

            return inner


        five = adder(5)
    """
    target = load(text)
    swap(
        text.replace('"logged"', '"seen"')
        .replace("return a + b", "return a * b")
        .replace("return n + 1", "return n + 2")
        .replace("return n + m", "return n - m")
    )
    assert target.add(3, 4) == ("seen", 12)
    assert target.cached(1) == 3
    assert target.five(1) == target.adder(5)(1) == 4


def test_the_right_one_of_several_inner_functions_of_one_name(load, swap):
    text = """
        def both():
            one = lambda n: n + 1
            two = lambda n: n * 2
            return one, two


        kept = both()[1]
    """
    target = load(text)
    swap(text.replace("n + 1", "n + 10").replace("n * 2", "n * 20"))
    assert target.kept(3) == 60
    assert [function(3) for function in target.both()] == [13, 60]


def test_an_inner_function_that_is_alive_and_has_gone(load, swap):
    text = """
        def both():
            one = lambda n: n + 1
            two = lambda n: n * 2
            return one, two


        kept = both()[1]
    """
    load(text)
    with pytest.raises(CannotSwap):
        swap(text.replace("one = lambda n: n + 1", "one = int"))


def test_an_inner_function_that_captures_something_else(load, swap):
    text = """
        def outer(a, b):
            def inner():
                return a

            return inner


        kept = outer(1, 2)
    """
    load(text)
    with pytest.raises(CannotSwap, match="captures"):
        swap(text.replace("return a\n", "return b\n"))


def test_functions_of_one_name_defined_again_are_told_apart_by_place(load, swap):
    text = """
        def f():
            return "first"


        first = f


        def f():
            return "second"
    """
    target = load(text)
    swap("\n" + text.replace('"first"', '"1st"').replace('"second"', '"2nd"'))
    assert (target.first(), target.f()) == ("1st", "2nd")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 10", "LIMIT = 11"),
        ("def first(n):", "def first(n, m=1):"),
        ("def first(n):", "def first(n) -> int:"),
        ("    def first(n):", "    @staticmethod\n    def first(n):"),
        ("    def first(n):", "    async def first(n):"),
        ("size = 3", "size = 4"),
        ("class Box:", "class Box(object):"),
        ("        def fourth(self):\n            return 4\n", ""),
        ("        def fourth(self):", "        extra = 1\n\n        def fourth(self):"),
        ("    def last(n):\n        return n\n", "    def last(n):\n        return n\n\n\n    END = 1\n"),
        ("    def second(n):\n        return n + 2\n", ""),
    ],
)
def test_what_importing_decided_needs_a_fresh_process(load, swap, old, new):
    load(BEFORE)
    assert old in BEFORE
    with pytest.raises(CannotSwap):
        swap(BEFORE.replace(old, new))


def test_a_changed_default_or_decorator_needs_a_fresh_process(load, swap):
    text = """
        import functools


        @functools.lru_cache(maxsize=1)
        def f(n, m=[]):
            return n
    """
    load(text)
    with pytest.raises(CannotSwap):
        swap(text.replace("maxsize=1", "maxsize=2"))
    with pytest.raises(CannotSwap):
        swap(text.replace("m=[]", "m=()"))


def test_a_file_that_was_not_imported(project):
    (project / "other.py").write_text("x = 1\n")
    with pytest.raises(CannotSwap, match=r"other\.py was not imported"):
        Swapper(str(project)).swap("other.py", "x = 2\n")


def test_text_that_is_not_python_says_so(load, swap):
    load(BEFORE)
    with pytest.raises(SyntaxError):
        swap(BEFORE.replace("return n + 1", "return n +"))


def test_a_new_statement_of_the_module_may_raise(load, swap):
    load(BEFORE)
    with pytest.raises(ZeroDivisionError):
        swap(BEFORE.replace("    def first(n):", "    X = 1 / 0\n\n\n    def first(n):"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n\n\n", "\n\f\n\n"),
    ],
    ids=["CRLF", "byte order mark", "form feed"],
)
def test_files_with_other_line_ends_and_marks(project, load, change):
    import textwrap

    text = change(textwrap.dedent(BEFORE).lstrip("\n"))
    (project / "target.py").write_bytes(text.encode())
    target = __import__("target")
    Swapper(str(project)).swap("target.py", text.replace("n + 1", "n + 9").replace("return 4", "return 5"))
    assert (target.first(1), target.second(1), target.Box().third(1), target.Box().fourth()) == (10, 3, 4, 5)


def test_tabs_unusual_indentation_and_no_newline_at_the_end(project):
    text = "class A:\n\n\tclass B:\n\t\tdef f(self):\n\t\t\treturn 1\n\n\tdef g(self):\n\t\treturn 2"
    (project / "target.py").write_text(text)
    target = __import__("target")
    swapper = Swapper(str(project))
    swapper.swap("target.py", text.replace("return 1", "return 10"))
    assert (target.A.B().f(), target.A().g()) == (10, 2)
    swapper.swap("target.py", text.replace("return 2", "return 20"))
    assert target.A().g() == 20


def test_future_features_of_the_file_hold_in_what_is_new(load, swap):
    text = """
        from __future__ import annotations


        def f():
            def inner(x: NoSuchName):
                return 1

            return inner(0)
    """
    target = load(text)
    swap(text.replace("return 1", "return 2"))
    assert target.f() == 2


def test_source_and_tracebacks_show_the_new_text(load, swap):
    target = load(BEFORE)
    assert "n + 1" in inspect.getsource(target.first)
    swap(BEFORE.replace("return n + 1", "wrong = n\n        raise ValueError(wrong)"))
    assert "raise ValueError(wrong)" in inspect.getsource(target.first)
    linecache.checkcache()
    try:
        target.first(1)
    except ValueError as error:
        assert traceback.extract_tb(error.__traceback__)[-1].line == "raise ValueError(wrong)"


def test_a_generator_that_is_running_goes_on_and_a_new_one_is_new(load, swap):
    text = """
        def count():
            yield 1
            yield 2
    """
    target = load(text)
    running = target.count()
    assert next(running) == 1
    swap(text.replace("yield 2", "yield 20"))
    assert next(running) == 2
    assert list(target.count()) == [1, 20]
