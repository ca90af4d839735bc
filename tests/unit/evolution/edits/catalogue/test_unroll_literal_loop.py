import pytest

from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit
from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "unroll_literal_loop"


def test_each_step_has_its_element_put_in() -> None:
    source = """
        def f(text):
            for sign, factor in (("+", 1), ("-", -1)):  # two of them
                if text.startswith(sign):
                    return factor
            return 0
        """
    assert after(KIND, source) == dedent(
        """
        def f(text):
            # two of them
            if text.startswith('+'):
                return 1
            if text.startswith('-'):
                return -1
            return 0
        """
    )


@pytest.mark.parametrize(
    "loop",
    [
        "for x in (a, g()):\n        b(x)",
        "for x in (a, a.b):\n        b(x)",
        "for x in (a, b):\n        a = x",
        "for x in (a, b):\n        x = g(x)",
        "for x in (a, b):\n        g(lambda: x)",
        "for x in (a, b):\n        if x: break",
        "for x in (a, b):\n        g(x)\n    else:\n        g(a)",
        "for x in (a, b):\n        g(x)\n    return x",
        "for x in (1, 2, 3, 4, 5):\n        g(x)",
        "for x in (1,):\n        g(x)",
        "for x in [*a, b]:\n        g(x)",
        "for x, y in ((1, 2), a):\n        g(x, y)",
        "for x, a in ((a, 2), (3, 4)):\n        g(x, a)",
    ],
)
def test_it_refuses(loop: str) -> None:
    assert refuses(KIND, f"def f(a, b, g):\n    {loop}\n")


def test_attributes_of_the_projects_modules_are_constants() -> None:
    tree = {
        "pkg/__init__.py": "from pkg import words\n",
        "pkg/words.py": "A = object()\nB = object()\nif A:\n    C = 1\n",
        "pkg/use.py": dedent(
            """
            from pkg import words as w


            def a(g):
                for x in (w.A, w.B):
                    g(x)


            def b(g):
                for x in (w.A, w.C):
                    g(x)
            """
        ),
    }
    edit = Edit("catalogue", KIND, "pkg/use.py", "a")
    changed = apply_genome((edit,), tree, [CatalogueSource()])["pkg/use.py"]
    assert "def a(g):\n    g(w.A)\n    g(w.B)\n" in changed
    assert refuses(KIND, tree["pkg/use.py"], "b")
