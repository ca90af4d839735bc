"""Where each kind of the catalogue is tried on real code: a library, an edit, an input that needs its function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks._libraries import Library

INPUTS = Path(__file__).parent / "catalogue_inputs"

LIBRARIES: Mapping[str, Library] = {
    library.name: library
    for library in (
        Library("textdistance", "4.6.3"),
        Library("tabulate", "0.10.0"),
        Library("sqlparse", "0.6.1"),
        Library("commonmark", "0.9.2"),
        Library("humanize", "4.17.0"),
        Library("mistune", "3.4.0"),
        Library("python_dateutil", "4.0.0"),
        Library("docutils", "0.23"),
    )
}


@dataclass(frozen=True)
class Place:
    """One attempt: `edit` in its text form, `use` the function of the library's inputs that runs what it changes."""

    library: str
    edit: str
    use: str

    @property
    def kind(self) -> str:
        return self.edit.split(" ", 1)[0].removeprefix("catalogue.")


PLACES = (
    Place(
        "textdistance",
        "catalogue.any_all_to_loop textdistance/algorithms/phonetic.py::Editex.r_cost#*",
        "names_by_sound",
    ),
    Place(
        "commonmark",
        "catalogue.append_to_comprehension commonmark/render/rst.py::ReStructuredTextRenderer.indent_lines#*",
        "code",
    ),
    Place(
        "textdistance",
        "catalogue.bind_before_loop textdistance/algorithms/compression_based.py::EntropyNCD._compress#*",
        "entropy",
    ),
    Place("sqlparse", "catalogue.consume_deque_to_loop sqlparse/utils.py::consume#*", "tokenize"),
    Place("sqlparse", "catalogue.discarded_comprehension sqlparse/sql.py::TokenList.__init__#*", "make_lists"),
    Place(
        "docutils",
        "catalogue.drop_unused_enumerate docutils/utils/math/math2html.py::EndingList.findending#*",
        "endings",
    ),
    Place("sqlparse", "catalogue.generator_to_list sqlparse/sql.py::TokenList.__str__#*", "to_text"),
    Place("tabulate", "catalogue.hoist_constant_container tabulate/__init__.py::_more_generic#*", "whole_numbers"),
    Place(
        "textdistance",
        "catalogue.hoist_invariant textdistance/algorithms/edit_based.py::Levenshtein._cycled#*",
        "letters_in_texts",
    ),
    Place("commonmark", "catalogue.hoist_regex commonmark/node.py::is_container#*", "document"),
    Place("humanize", "catalogue.import_out_of_function src/humanize/number.py::apnumber#*", "digits_as_words"),
    Place(
        "sqlparse",
        "catalogue.inline_tail_call sqlparse/engine/grouping.py::group_operator.<locals>.match#*",
        "group_operators",
    ),
    Place(
        "python_dateutil", "catalogue.inline_tiny_function src/dateutil/relativedelta.py::relativedelta._fix#*", "spans"
    ),
    Place("sqlparse", "catalogue.lambda_to_inlined_def sqlparse/sql.py::TokenList.token_next_by#*", "find_by_type"),
    Place("tabulate", "catalogue.lift_guard tabulate/__init__.py::tabulate#*", "missing"),
    Place("sqlparse", "catalogue.membership_to_loop sqlparse/sql.py::Token.match#*", "match_keywords"),
    Place(
        "textdistance",
        "catalogue.min_max_to_conditional textdistance/algorithms/edit_based.py::Levenshtein._cycled#*",
        "edit_distances",
    ),
    Place("textdistance", "catalogue.pair_fast_path textdistance/algorithms/base.py::Base._ident#*", "edit_distances"),
    Place("mistune", "catalogue.scan_to_regex src/mistune/_inline/emphasis.py::_next_delimiter_run#*", "paragraphs"),
    Place(
        "python_dateutil",
        "catalogue.skip_empty_spread src/dateutil/rrule.py::_invalidates_cache.<locals>.inner_func#*",
        "single_dates",
    ),
    Place(
        "textdistance",
        "catalogue.specialise_callable textdistance/algorithms/edit_based.py::Levenshtein._cycled#*",
        "edit_distances",
    ),
    Place("tabulate", "catalogue.type_fast_path tabulate/__init__.py::_type#*", "mixed"),
    Place(
        "sqlparse",
        "catalogue.unroll_literal_loop sqlparse/engine/grouping.py::group_period.<locals>.match#*",
        "group_periods",
    ),
    Place("sqlparse", "catalogue.unswitch_lambda sqlparse/sql.py::TokenList.token_next_by#*", "find_by_type"),
    Place("sqlparse", "catalogue.unwrap_single sqlparse/sql.py::TokenList._token_matching#*", "find_by_function"),
)
"""One a kind, where another measurement let hope for most."""
