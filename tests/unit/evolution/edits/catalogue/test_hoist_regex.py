import pytest

from tests.unit.evolution.edits.helpers import after, dedent, refuses

KIND = "hoist_regex"


def test_a_call_of_the_module_uses_a_pattern_compiled_at_import() -> None:
    source = """
        import re

        # about f
        def f(text):
            return re.sub(r"\\s+", " ", text, count=1)
        """
    assert after(KIND, source) == dedent(
        """
        import re

        _f_pattern = re.compile(r"\\s+")
        # about f
        def f(text):
            return _f_pattern.sub(" ", text, count=1)
        """
    )


def test_flags_go_to_the_compiled_pattern() -> None:
    source = 'import re\ndef f(s):\n    return re.search("a", s, flags=re.I | re.M), re.match("b", s, re.S)\n'
    new = after(KIND, source)
    assert 're.compile("a", re.I | re.M)' in new and 're.compile("b", re.S)' in new
    assert "_f_pattern.search(s), _f_pattern_2.match(s)" in new


def test_a_compile_of_a_constant_or_a_global_string_is_hoisted_once() -> None:
    source = 'import re\nWORD = "a+"\ndef f(s):\n    p = re.compile(WORD)\n    return p, re.compile(WORD)\n'
    new = after(KIND, source)
    assert new.count("re.compile(WORD)") == 1
    assert "p = _f_pattern\n    return p, _f_pattern\n" in new


@pytest.mark.parametrize(
    "call",
    [
        "re.sub(p, 'x', s)",
        "re.sub(f'{p}', 'x', s)",
        "re.compile('(')",
        "re.compile('a', p)",
        "re.match(*s)",
        "re.match('a', **s)",
        "re.compile('a', re.DEBUG)",
        "re.compile('[[a]')",
        "re.escape('a')",
    ],
)
def test_it_refuses(call: str) -> None:
    assert refuses(KIND, f"import re\ndef f(s, p):\n    return {call}\n")


def test_it_refuses_an_import_that_may_not_have_run() -> None:
    assert refuses(KIND, "def f(s):\n    return re.match('a', s)\nimport re\n")
    assert refuses(
        KIND, "try:\n    import re\nexcept ImportError:\n    re = None\ndef f(s):\n    return re.match('a', s)\n"
    )
    assert refuses(KIND, "import re\ndef f(s, re):\n    return re.match('a', s)\n")
    assert refuses(KIND, "import regex as re\ndef f(s):\n    return re.match('a', s)\n")
