import pytest

from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import Site
from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "inline_tail_call"

HELPER = '''
def helper(item, kinds=None, deep=False):
    """What it does."""
    if item is None:
        return False
    if kinds and deep:
        name = item.name
        return any(name in kind for kind in kinds)
    if kinds:
        return item in kinds


'''


def test_constants_decide_and_complex_arguments_come_first() -> None:
    source = dedent(HELPER) + "def f(self, item):\n    return helper(item, self.kinds())  # all\n"
    assert after(KIND, source) == dedent(HELPER) + dedent(
        """
        def f(self, item):
            _kinds = self.kinds()
            if item is None:
                return False
            if _kinds and False:
                _name = item.name
                return any((_name in kind for kind in _kinds))
            if _kinds:
                return item in _kinds
            return None  # all
        """
    )


def test_a_default_of_none_leaves_its_branches_out() -> None:
    source = dedent(HELPER) + "def f(item):\n    return helper(item)\n"
    assert after(KIND, source).endswith("def f(item):\n    if item is None:\n        return False\n    return None\n")


def test_arguments_are_computed_in_the_order_of_the_call() -> None:
    source = dedent(HELPER) + "def f(g, h):\n    return helper(deep=g(), item=h(), kinds=1)\n"
    assert "    _deep = g()\n    _item = h()\n    if _item is None:\n" in after(KIND, source)


def test_a_parameter_the_helper_binds_anew_gets_a_variable() -> None:
    source = "def helper(x):\n    x += 1\n    return x\n\n\ndef f(x):\n    return helper(x)\n"
    assert after(KIND, source).endswith("def f(x):\n    _x = x\n    _x += 1\n    return _x\n")


@pytest.mark.parametrize(
    "helper",
    [
        "@wrap\ndef helper(x):\n    return x\n",
        "def helper(x):\n    yield x\n",
        "def helper(*x):\n    return x\n",
        "def helper(x):\n    return lambda: x\n",
        "def helper(x):\n    return [y for y in x if y]\n\n\ny = 1\n",
        "def helper(x, y=[]):\n    return x\n",
        "def helper(x):\n    try:\n        return x()\n    except ValueError as y:\n        return y\n",
        "helper = len\n",
        "if 1:\n    def helper(x):\n        return x\n",
        "async def helper(x):\n    return x\n",
        "def helper(x, y):\n    return x\n",
    ],
)
def test_it_refuses(helper: str) -> None:
    call = "helper(y)" if "for y" in helper else "helper(x)"
    assert refuses(KIND, f"{helper}\n\ndef f(x, y=2):\n    return {call}\n")


def test_it_refuses_in_a_generator_and_itself() -> None:
    assert refuses(KIND, dedent(HELPER) + "def f(x):\n    yield x\n    return helper(x)\n")
    assert refuses(KIND, "def f(x):\n    return f(x)\n")


def test_a_helper_of_another_file_may_use_built_ins_only() -> None:
    tree = {
        "pkg/__init__.py": "",
        "pkg/tools.py": "LIMIT = 3\n\n\ndef size(x):\n    return len(x)\n\n\ndef low(x):\n    return x < LIMIT\n",
        "pkg/use.py": "from pkg.tools import low, size\n\n\n"
        "def a(v):\n    return size(v)\n\n\ndef b(v):\n    return low(v)\n",
    }
    source = CatalogueSource()
    changed = apply_genome((Edit("catalogue", KIND, "pkg/use.py", "a"),), tree, [source])
    assert changed == {"pkg/use.py": tree["pkg/use.py"].replace("return size(v)", "return len(v)")}
    assert not list(CatalogueSource([KIND]).enumerate(Site("pkg/use.py", "b", 1.0), tree))


def test_branches_of_the_result_return_the_same() -> None:
    source = dedent(HELPER) + "def f(self, item):\n    return helper(item, self, deep=item == 'b')\n"
    results = []
    for text in (source, after(KIND, source)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        answers = []
        for kinds in (None, [], ["a"], "ab"):
            for item in (None, "a", "b", 3):
                try:
                    answers.append(repr(scope["f"](kinds, item)))  # type: ignore[operator]
                except Exception as error:
                    answers.append(repr(error))
        results.append(answers)
    assert results[0] == results[1]
    assert len(set(results[0])) > 3
