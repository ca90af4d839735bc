"""Genomes on a tree: what changes, what stays byte for byte, and what is refused."""

import pytest

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.apply import applicable, apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.source import Site

PATH = "pkg/mod.py"
SOURCES = [CatalogueSource()]


def edit(kind: str, function: str, site: str = "*", detail: str = "", path: str = PATH) -> Edit:
    return Edit("catalogue", kind, path, function, site, detail)


def apply(text: str, *edits: Edit) -> str:
    return apply_genome(edits, {PATH: text}, SOURCES).get(PATH, text)


MINIMUM = edit("min_max_to_conditional", "f")
REGEX = edit("hoist_regex", "f")
BODY = "def f(a, b):\n    return min(a, b)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# café ☕ \t \n\f\nX = 'ü'\n\n", "\n\n\n# Ende – fin\r"),
        ("\ufeff'''doc'''\n", "    # odd comment\n"),
        ("x = 1;  y  =  2   # spaces \\\n", "if x :\n\ty = [ 1,2,\n\n  3 ]"),
    ],
)
def test_what_is_around_a_function_stays_byte_for_byte(before: str, after: str) -> None:
    assert apply(before + BODY + after, MINIMUM) == before + BODY.replace("min(a, b)", "b if b < a else a") + after


def test_line_ends_tabs_and_form_feeds_of_the_function_are_kept() -> None:
    text = (
        "import re\r\n\r\ndef f(s, a, b):\r\n\tx = 'é'\r\n\f\r\n"
        "\ty = max(s[a], s[b])  # größer\r\n\treturn re.sub('a+', x, y)\r\n"
    )
    new = apply(text, MINIMUM, REGEX)
    assert new == (
        "import re\r\n\r\n_f_pattern = re.compile('a+')\r\ndef f(s, a, b):\r\n\tx = 'é'\r\n\f\r\n"
        "\t_candidate = s[a]\r\n\t_candidate_2 = s[b]\r\n"
        "\ty = _candidate_2 if _candidate_2 > _candidate else _candidate  # größer\r\n"
        "\treturn _f_pattern.sub(x, y)\r\n"
    )


def test_non_ascii_text_on_the_line_does_not_shift_the_change() -> None:
    text = "def f(a, b):\n    return 'ßüé☕', min(a, b), 'é'  # ñ\n"
    assert apply(text, MINIMUM) == "def f(a, b):\n    return 'ßüé☕', (b if b < a else a), 'é'  # ñ\n"


def test_module_level_statements_go_above_what_holds_the_function_and_its_comments() -> None:
    text = (
        "import re\n\nA = 1\n\n# about K\n@decorate\nclass K:\n    def f(self, s):\n        return re.match('x', s)\n"
    )
    new = apply(text, edit("hoist_regex", "K.f"))
    assert new.startswith("import re\n\nA = 1\n\n_K_f_pattern = re.compile('x')\n# about K\n@decorate\nclass K:\n")


def test_a_fresh_name_is_used_nowhere_in_the_file() -> None:
    text = "import re\n_f_pattern = 1\ndef f(s):\n    return re.match('x', s)\ndef g(_f_pattern_2): pass\n"
    assert "_f_pattern_3 = re.compile('x')" in apply(text, REGEX)


def test_a_nested_function_is_found_by_its_qualified_name() -> None:
    text = "def f(a, b):\n    def f(a, b):\n        return min(a, b)\n    return f(a, b), min(b, a)\n"
    inner = apply(text, edit("min_max_to_conditional", "f.<locals>.f"))
    assert inner == text.replace("min(a, b)", "b if b < a else a")
    assert apply(text, MINIMUM) == text.replace("min(b, a)", "(a if a < b else b)")


def test_a_name_defined_twice_is_served_in_every_definition() -> None:
    text = (
        "class K:\n    @property\n    def p(self):\n        return min(self, 1)\n"
        "    @p.setter\n    def p(self, v):\n        self.x = max(v, 0)\n"
    )
    both = apply(text, edit("min_max_to_conditional", "K.p"))
    assert "1 if 1 < self else self" in both and "0 if 0 > v else v" in both
    listed = SOURCES[0].enumerate(Site(PATH, "K.p", 1.0), {PATH: text})
    assert [one.site for one in listed if one.kind == "min_max_to_conditional"] == ["*"]


TWO = "import re\ndef f(a, b):\n    x = min(a, b)\n    y = min(a, b)\n    return re.sub('z', x, max(a, y))\n"


def test_order_and_repetition_do_not_matter_within_a_kind() -> None:
    first, second, third = (edit("min_max_to_conditional", "f", str(number)) for number in range(3))
    whole = apply(TWO, MINIMUM)
    assert apply(TWO, first, second, third) == apply(TWO, third, first, second, first) == whole
    assert apply(TWO, MINIMUM, second) == whole
    assert apply(TWO, second) != apply(TWO, first)


def test_places_are_those_of_the_baseline_whatever_other_kinds_did_before() -> None:
    third = edit("min_max_to_conditional", "f", "2")
    assert apply(TWO, REGEX, third) == apply(TWO, third, REGEX)


def test_the_tree_is_not_changed_and_the_same_genome_gives_the_same_text() -> None:
    tree = {PATH: TWO, "other.py": "x = 1\n"}
    genome: Genome = (MINIMUM, REGEX)
    first = apply_genome(genome, tree, SOURCES)
    assert set(first) == {PATH} and tree[PATH] == TWO
    assert apply_genome(genome, tree, [CatalogueSource()]) == first
    assert apply_genome((), tree, SOURCES) == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (edit("min_max_to_conditional", "g"), "no function 'g'"),
        (edit("min_max_to_conditional", "f", "7"), "not there"),
        (edit("min_max_to_conditional", "f", "x"), "not there"),
        (edit("no_such_kind", "f"), "no kind 'no_such_kind'"),
        (edit("any_all_to_loop", "f"), "finds nothing"),
        (edit("min_max_to_conditional", "f", path="gone.py"), "not among those"),
        (Edit("elsewhere", "kind", PATH, "f"), "no known edit source"),
    ],
)
def test_an_edit_that_does_not_apply_is_an_error_and_can_be_dropped(wrong: Edit, said: str) -> None:
    with pytest.raises(EditError, match=said):
        apply(TWO, MINIMUM, wrong)
    assert applicable((MINIMUM, wrong, REGEX), {PATH: TWO}, SOURCES) == (MINIMUM, REGEX)


def test_one_edit_in_the_present_text_finds_its_place_by_the_baseline() -> None:
    tree = {PATH: TWO}
    source = SOURCES[0]
    present = "# moved\n" + apply(TWO, REGEX)
    new = source.apply(edit("min_max_to_conditional", "f", "2"), present, tree)
    assert new == present.replace("max(a, y)", "(y if y > a else a)")


def test_text_forms_parse_back() -> None:
    tree = {PATH: TWO}
    edits = list(SOURCES[0].enumerate(Site(PATH, "f", 1.0), tree))
    assert edits and [Edit.parse(str(one)) for one in edits] == edits


def test_a_file_that_does_not_parse_or_a_function_that_is_gone_has_no_edits() -> None:
    assert list(SOURCES[0].enumerate(Site(PATH, "f", 1.0), {PATH: "def f(:\n"})) == []
    assert list(SOURCES[0].enumerate(Site(PATH, "g", 1.0), {PATH: TWO})) == []
    assert list(SOURCES[0].enumerate(Site("gone.py", "f", 1.0), {PATH: TWO})) == []
    with pytest.raises(EditError, match="does not parse"):
        apply("def f(:\n", MINIMUM)


def test_a_comprehension_of_the_profile_belongs_to_its_function() -> None:
    tree = {PATH: TWO}
    listed = list(SOURCES[0].enumerate(Site(PATH, "f.<locals>.<listcomp>", 1.0), tree))
    assert listed and all(one.function == "f" for one in listed)


def test_a_function_that_looks_at_its_own_frame_is_left_alone() -> None:
    text = "def f(a, b):\n    x = min(a, b)\n    return locals()\n"
    assert list(SOURCES[0].enumerate(Site(PATH, "f", 1.0), {PATH: text})) == []


def test_nothing_inside_an_f_string_is_touched() -> None:
    text = 'def f(a, b):\n    x = f"""{min(a, b)}\n    {max(a,\n b)}"""\n    return any(f"{c}" for c in a), x\n'
    assert list(SOURCES[0].enumerate(Site(PATH, "f", 1.0), {PATH: text})) == []
