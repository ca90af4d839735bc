import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "append_to_comprehension"


def test_the_list_is_made_where_it_was_started() -> None:
    source = """
        def f(rows, x):
            size = 1
            lines: list[str] = []
            for row in rows or x:
                if row if x else 0:
                    lines.append(row.strip())  # kept
            return lines
        """
    assert after(KIND, source) == dedent(
        """
        def f(rows, x):
            size = 1
            lines: list[str] = [row.strip() for row in (rows or x) if (row if x else 0)]  # kept
            return lines
        """
    )


def test_comments_between_keep_their_lines() -> None:
    source = """
        def f(rows):
            pairs = []
            # every second
            for a, b in rows:
                pairs.append((a, b))
            return pairs
        """
    assert after(KIND, source) == dedent(
        """
        def f(rows):
            pairs = []
            # every second
            pairs = [(a, b) for a, b in rows]
            return pairs
        """
    )


@pytest.mark.parametrize(
    "loop",
    [
        "for x in a:\n        out.append(out)",
        "for x in out:\n        out.append(x)",
        "for x in a:\n        out.append((yield x))",
        "for x in a:\n        out.append(y := x)",
        "for x in a:\n        out.append(super().g(x))",
        "for x in a:\n        out.append(x)\n    b = x",
        "for x in a:\n        out.append(x)\n        b(x)",
        "for x in a:\n        out.append(x)\n    else:\n        b()",
        "for x in a:\n        if x:\n            out.append(x)\n        else:\n            b()",
        "for b.c in a:\n        out.append(b)",
        "for a in a:\n        out.append(a)",
        "for x in a:\n        out.extend(x)",
        "for x in a:\n        out.append(lambda: out)",
    ],
)
def test_it_refuses(loop: str) -> None:
    assert refuses(KIND, f"def f(self, a, b):\n    out = []\n    {loop}\n    return out\n")


def test_it_refuses_where_a_half_full_list_could_be_seen() -> None:
    source = """
        def f(rows):
            try:
                out = []
                for row in rows:
                    out.append(row.x)
            except AttributeError:
                pass
            return out
        """
    assert refuses(KIND, source)
    assert refuses(KIND, "def f(a):\n    out = g = []\n    for x in a:\n        out.append(x)\n    return g\n")
