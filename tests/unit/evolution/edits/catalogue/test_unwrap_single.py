import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "unwrap_single"

SOURCE = """
def f(rows, checks):
    if not isinstance(checks, (list, tuple)):
        checks = (checks,)

    for row in rows:
        for check in checks:  # any of them
            if check(row):
                return row
    return None
"""


def test_the_wrapped_value_is_used_directly() -> None:
    assert after(KIND, SOURCE) == dedent(
        """
        def f(rows, checks):
            if not isinstance(checks, (list, tuple)):
                checks = (checks,)
                _wrapped = True
            else:
                _wrapped = False

            for row in rows:
                # any of them
                if _wrapped:
                    check = checks[0]
                    if check(row):
                        return row
                else:
                    for check in checks:
                        if check(row):
                            return row
            return None
        """
    )


def test_it_finds_the_same() -> None:
    answers = []
    for text in (dedent(SOURCE), after(KIND, SOURCE)):
        scope: dict[str, object] = {}
        exec(compile(text, "m.py", "exec"), scope)
        rows = [0, 1, 2, 3]
        cases = [bool, [bool], [], (lambda x: x > 1, lambda x: x == 1), lambda x: x > 9]
        answers.append([scope["f"](rows, case) for case in cases])  # type: ignore[operator]
    assert answers == [[1, 1, None, 1, None]] * 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("                return row", "                break"),
        ("    return None", "    checks = 0\n    return None"),
        ("    return None", "    return lambda: checks"),
        ("    for row in rows:\n        for", "    for row in rows:\n        row()\n    if rows:\n        for"),
        ("    if not isinstance(checks, (list, tuple)):\n        checks = (checks,)", "    checks = (checks,)"),
        ("checks = (checks,)", "checks = (rows,)"),
        ("in checks:", "in sorted(checks):"),
    ],
)
def test_it_refuses(old: str, new: str) -> None:
    assert old in SOURCE
    assert refuses(KIND, SOURCE.replace(old, new))
