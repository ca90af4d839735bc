"""Generic edits in the way of genetic improvement: blind changes to statements, conditions, numbers,
comparisons.

They know nothing of meaning, so every one is labelled `behavioural`. Ordinals count the places of the
function in the baseline's source, from 0 (`places.py`); the detail says what becomes of the place:

| kind | place | detail |
|---|---|---|
| `delete` | statement | – |
| `replace` | statement | `with function#n`: a statement of any function of the same file |
| `swap` | statement | `with n`: a later statement of the function |
| `move` | statement | `before n`: another statement of the function |
| `constant` | condition | `True` or `False` |
| `number` | number | `+1`, `-1`, `*2`, `/2` (integers are floored) or `0` |
| `compare` | comparison operator | the operator to put there |
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Literal

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.anchoring import Change, Layout, layout, make_changes
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.places import Places, Statement, places
from dean_airflow.evolution.edits.source import Site, SourceTree

# How often a draw that does not compile is drawn anew before the site is given up.
DRAWS = 12

_COMPARISONS = {
    "==": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}
_NUMBERS: dict[str, Callable[[int | float], int | float]] = {
    "+1": lambda value: value + 1,
    "-1": lambda value: value - 1,
    "*2": lambda value: value * 2,
    "/2": lambda value: value // 2 if isinstance(value, int) else value / 2,
    "0": lambda value: type(value)(0),
}


class GenericSource:
    """Draws blind edits at a site; what does not compile there is drawn again."""

    name: Literal["generic"] = "generic"
    preserves: Literal[False] = False

    def enumerate(self, site: Site, tree: SourceTree) -> Iterable[Edit]:
        """Every edit of one place that compiles. Those of two places (swap, move, replace) are left to the
        draw: their number grows with the square of the file, and few are worth a look."""
        for kind in _SINGLE:
            for edit in self._of_kind(kind, site, tree):
                if _compiles(edit, tree):
                    yield edit

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        """A kind drawn first, each as likely as any other that has a place here, then one of its edits."""
        if site.path not in tree:
            return None
        text = tree[site.path]
        here = places(text, site.function)
        kinds = [kind for kind in (*_SINGLE, *_PAIRED) if next(_options(kind, here, text), None) is not None]
        for _ in range(DRAWS if kinds else 0):
            kind = rng.choice(kinds)
            number, detail = _draw(kind, here, text, rng)
            edit = Edit(self.name, kind, site.path, site.function, str(number), detail, "behavioural")
            if _compiles(edit, tree):
                return edit
        return None

    def apply(self, edit: Edit, text: str, tree: SourceTree) -> str:
        """The text with the edit made. Raises EditError when the baseline has no such place, the detail is
        not one of the kind's, or the lines are gone from `text`."""
        return make_changes(_changes(edit, tree), tree[edit.path], text, edit.function)

    def _of_kind(self, kind: str, site: Site, tree: SourceTree) -> Iterator[Edit]:
        if site.path not in tree:
            return
        here = places(tree[site.path], site.function)
        for number, detail in _options(kind, here, tree[site.path]):
            yield Edit(self.name, kind, site.path, site.function, str(number), detail, "behavioural")


def _options(kind: str, here: Places, text: str) -> Iterator[tuple[int, str]]:
    """Each place of the kind with each detail it can have."""
    if kind == "delete":
        yield from ((number, "") for number in range(len(here.statements)))
    elif kind == "constant":
        for number, condition in enumerate(here.conditions):
            current = text[condition.start : condition.end]
            yield from (
                (number, value)
                for value in ("True", "False")
                if value != current and not (condition.endless and value == "True")
            )
    elif kind == "number":
        for number, literal in enumerate(here.numbers):
            results = {literal.value: ""}
            for detail, change in _NUMBERS.items():
                if results.setdefault(change(literal.value), detail) == detail:
                    yield number, detail
    elif kind == "compare":
        for number, operator in enumerate(here.operators):
            yield from ((number, other) for other in _COMPARISONS[operator.text])
    elif kind in ("swap", "move"):
        yield from _pairs(kind, here)
    elif kind == "replace":
        yield from _replacements(here, text)


def _pairs(kind: str, here: Places) -> Iterator[tuple[int, str]]:
    for number, one in enumerate(here.statements):
        for other_number, other in enumerate(here.statements):
            apart = one.end <= other.start or other.end <= one.start
            if not (apart and one.own_lines and other.own_lines):
                continue
            if kind == "move" and other_number != number + 1:
                yield number, f"before {other_number}"
            elif kind == "swap" and other_number > number:
                yield number, f"with {other_number}"


def _replacements(here: Places, text: str) -> Iterator[tuple[int, str]]:
    for number, statement in enumerate(here.statements):
        if statement.own_lines:
            yield from ((number, f"with {donor}") for donor in _donors(text))


@lru_cache(maxsize=64)
def _donors(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(function.name for function in layout(text).functions)
    return tuple(
        f"{name}#{index}"
        for name in names
        for index, statement in enumerate(places(text, name).statements)
        if statement.own_lines
    )


def _draw(kind: str, here: Places, text: str, rng: random.Random) -> tuple[int, str]:
    """One of the kind's options, of which there is at least one; those of `replace` are too many to list."""
    if kind != "replace":
        return rng.choice(list(_options(kind, here, text)))
    numbers = [number for number, statement in enumerate(here.statements) if statement.own_lines]
    return rng.choice(numbers), f"with {rng.choice(_donors(text))}"


def _changes(edit: Edit, tree: SourceTree) -> list[Change]:
    """What the edit does to the baseline. Raises EditError."""
    if edit.path not in tree:
        raise EditError(f"{edit} changes {edit.path}, which is not one of the files this trial may change.")
    text = tree[edit.path]
    here = places(text, edit.function)
    try:
        number = int(edit.site)
        if number < 0 or edit.kind not in _SINGLE + _PAIRED:
            raise ValueError
        if edit.kind == "delete":
            return [_deletion(here.statements[number], text)]
        if edit.kind == "constant":
            condition = here.conditions[number]
            return [Change(condition.start, condition.end, {"True": "True", "False": "False"}[edit.detail])]
        if edit.kind == "number":
            literal = here.numbers[number]
            value = _NUMBERS[edit.detail](literal.value)
            return [Change(literal.start, literal.end, f"({value!r})" if value < 0 else repr(value))]
        if edit.kind == "compare":
            operator = here.operators[number]
            other = _COMPARISONS[operator.text][_COMPARISONS[operator.text].index(edit.detail)]
            return [Change(operator.start, operator.end, other)]
        preposition, partner = edit.detail.split(" ", 1)
        if preposition != ("before" if edit.kind == "move" else "with"):
            raise ValueError
        one = here.statements[number]
        if edit.kind == "replace":
            function, _, index = partner.rpartition("#")
            donor = places(text, function).statements[int(index)]
            return [Change(one.start, one.end, _indented(donor, one.indent, text))]
        other_statement = here.statements[int(partner)]
    except (ValueError, KeyError, IndexError, OverflowError):
        raise EditError(f"{edit} names no place or change of this function in the baseline.") from None
    if not (one.own_lines and other_statement.own_lines):
        raise EditError(f"{edit}: a statement that shares its line cannot be moved.")
    if edit.kind == "swap":
        return [
            Change(one.start, one.end, _indented(other_statement, one.indent, text)),
            Change(other_statement.start, other_statement.end, _indented(one, other_statement.indent, text)),
        ]
    line_end = "\r\n" if "\r\n" in text else "\n"
    moved = _indented(one, other_statement.indent, text) + line_end + other_statement.indent
    return [_deletion(one, text), Change(other_statement.start, other_statement.start, moved)]


def _deletion(statement: Statement, text: str) -> Change:
    where = layout(text)
    last_row = where.row_of(statement.end)
    if statement.siblings == 1 or not statement.own_lines or last_row + 1 >= len(where.lines):
        return Change(statement.start, statement.end, "pass")
    return Change(where.starts[where.row_of(statement.start)], where.starts[last_row + 1], "")


def _indented(statement: Statement, indent: str, text: str) -> str:
    """The statement's text for a place with that indent. Raises EditError where indenting would change a
    string."""
    source = text[statement.start : statement.end]
    if statement.indent == indent or "\n" not in source:
        return source
    if statement.multiline_string:
        raise EditError("A statement that holds a string of several lines cannot be indented anew.")
    first, *rest = source.split("\n")
    return "\n".join((first, *(_reindent(line, statement.indent, indent) for line in rest)))


def _reindent(line: str, before: str, after: str) -> str:
    return after + line[len(before) :] if line.startswith(before) else line


def _compiles(edit: Edit, tree: SourceTree) -> bool:
    """Whether the edit changes the baseline into something whose outermost function compiles by itself."""
    outermost = edit.function.split(".<locals>.")[0]
    baseline = tree[edit.path]
    try:
        text = make_changes(_changes(edit, tree), baseline, baseline, edit.function)
        if text == baseline:
            return False
        changed = Layout(text)
        for function in changed.named(outermost):
            lines = changed.lines[function.first_row : function.end_row]
            compile(textwrap.dedent("".join(lines)), edit.path, "exec", dont_inherit=True)
    except (EditError, SyntaxError, ValueError):
        return False
    return True


_SINGLE = ("delete", "constant", "number", "compare")
_PAIRED = ("swap", "move", "replace")
