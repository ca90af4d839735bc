import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "lambda_to_inlined_def"

HELPER = """
def is_match(item, kind=None, name=None):
    if item is None:
        return False
    if kind and item.kind == kind:
        return True
    return name == item.name


"""


def test_the_helper_is_written_out_above_the_statement() -> None:
    source = dedent(HELPER) + dedent(
        """
        def f(items, kind):
            name = items.name
            return items.first(lambda x: is_match(x, kind, name), 0)
        """
    )
    assert after(KIND, source) == dedent(HELPER) + dedent(
        """
        def f(items, kind):
            name = items.name
            def _is_match(x):
                _name = name
                if x is None:
                    return False
                if kind and x.kind == kind:
                    return True
                return _name == x.name
            return items.first(_is_match, 0)
        """
    )


@pytest.mark.parametrize(
    "statement",
    [
        "return [g(lambda x: is_match(x)) for _ in kind]",
        "return g(lambda x, y=kind: is_match(x))",
        "return g(lambda *x: is_match(x))",
        "return g(lambda x: other(x))",
        "return g(lambda x: is_match(x, *kind))",
        "return g(lambda x: not is_match(x))",
        "while g(lambda x: is_match(x)): pass",
        "if kind: return g(lambda x: is_match(x))",
    ],
)
def test_it_refuses(statement: str) -> None:
    assert refuses(KIND, dedent(HELPER) + f"def f(g, kind):\n    {statement}\n")


def test_a_rebound_variable_is_read_at_each_call() -> None:
    source = dedent(HELPER) + dedent(
        """
        def f(kind):
            match = lambda x: is_match(x, kind)
            kind = 2
            return match
        """
    )
    assert "        _kind = kind\n        if x is None:" in after(KIND, source)
