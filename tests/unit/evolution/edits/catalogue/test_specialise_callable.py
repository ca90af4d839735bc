import pytest

from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit
from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "specialise_callable"
MATCHER = """
    class Base:
        @staticmethod
        def equal(*items):
            try:
                return len(set(items)) == 1
            except TypeError:
                return items[0] == items[1]

        @staticmethod
        def low(c):
            return 0 < ord(c) < 91

    class K(Base):
        def __init__(self, test=None):
            self.test = test or self.equal

        def f(self, a, b):
            return [self.test(x, y) for x in a for y in b], self.low(a[0])

        def g(self, a, b):
            same = self.test(a[0], b[0])  # the first two
            return same

    class L(K):
        @staticmethod
        def equal(*items):
            return "other"
    """
CALLS = [
    f"{maker}.{method}({a}, {b})"
    for maker in ("K()", "K(lambda x, y: (y, x))", "L()")
    for method in "fg"
    for a in ("'ab'", "[1, 'a']", "''")
    for b in ("'ba'", "[[]]")
]


def test_the_default_is_taken_only_while_it_is_the_default() -> None:
    new = after(KIND, MATCHER, function="K.f")
    assert "(x == y if self.test is K.equal and type(x) is str and (type(y) is str) else self.test(x, y))" in new
    assert "self.low(a[0])" in new
    agree(MATCHER, new, CALLS)


def test_other_arguments_are_computed_first_after_the_callee() -> None:
    new = after(KIND, MATCHER, function="K.g")
    assert "        _callee = self.test\n        _argument = a[0]\n        _argument_2 = b[0]\n" in new
    assert "        same = (_argument == _argument_2 if _callee is K.equal" in new
    assert new.count("# the first two") == 1
    agree(MATCHER, new, CALLS)


def test_the_base_may_be_in_another_file() -> None:
    base, derived = dedent(MATCHER).split("class K(Base):")
    tree = {
        "p/base.py": base,
        "p/__init__.py": "",
        "p/k.py": "from .base import Base as _Base\nclass K(_Base):" + derived,
    }
    edit = Edit("catalogue", KIND, "p/k.py", "K.f")
    assert "x == y if self.test is K.equal" in apply_genome((edit,), tree, [CatalogueSource()])["p/k.py"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class K(Base):", "class K(Base, Other):"),
        ("class K(Base):", "class K(Unknown):"),
        ("class K(Base):", "@decorate\nclass K(Base):"),
        ("class K(Base):", "class K(Base, metaclass=M):"),
        ("test or self.equal", "test"),
        ("    @staticmethod\n    def equal", "    def equal"),
        ("def __init__", "def __getattr__(self, n): pass\n    def __init__"),
        ("def __init__", "test = property(print)\n    def __init__"),
    ],
)
def test_it_refuses(old: str, new: str) -> None:
    source = dedent(MATCHER).replace(" and self.low(a[0])", "").replace(", self.low(a[0])", "")
    assert not refuses(KIND, source, "K.f")
    assert old in source and refuses(KIND, source.replace(old, new, 1), "K.f")
