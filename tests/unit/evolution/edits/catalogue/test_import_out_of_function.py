import pytest

from tests.unit.evolution.edits.helpers import after, agree, dedent, refuses

KIND = "import_out_of_function"


def test_a_local_import_becomes_an_assignment() -> None:
    source = """
        def f(text):
            import re, os.path as p  # late
            from math import floor, pi as circle
            return re.escape(text), p.sep, floor(circle)
        """
    new = after(KIND, source)
    assert new == dedent(
        """
        import re as _f_re
        import os.path as _f_os_path
        import math as _f_math
        def f(text):
            re = _f_re
            p = _f_os_path  # late
            floor = _f_math.floor
            circle = _f_math.pi
            return re.escape(text), p.sep, floor(circle)
        """
    )
    agree(source, new, ["f('a.b')"])


@pytest.mark.parametrize(
    "statement",
    [
        "import numpy",
        "import os.path",
        "from . import x",
        "from os import path",
        "from math import gone",
        "import fcntl",
        "import antigravity",
        "global re; import re",
        "x = 1; import re",
    ],
)
def test_it_refuses(statement: str) -> None:
    assert refuses(KIND, f"def f():\n    {statement}\n")
