"""The catalogue as an edit source: finds places in the baseline, and makes edits in a unit's present text."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.apply import apply_alone
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.catalogue.registry import CATALOGUE
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.function import Function, functions_in
from dean_airflow.evolution.edits.module import Module
from dean_airflow.evolution.edits.project import Project
from dean_airflow.evolution.edits.rewrite import Rewriter
from dean_airflow.evolution.edits.source import Site, SourceTree
from dean_airflow.evolution.edits.unit import Unit


class CatalogueSource:
    """Proposes the kinds of `CATALOGUE` (or those named) wherever their conditions hold."""

    name = "catalogue"
    preserves = True

    def __init__(self, kinds: Sequence[str] | None = None) -> None:
        """`kinds`: names to offer, all when None. Raises EditError for an unknown one. Every kind can be applied
        whatever is offered."""
        for kind in kinds or ():
            _kind(kind)
        self._offered = tuple(kinds) if kinds is not None else tuple(CATALOGUE)

    def enumerate(self, site: Site, tree: SourceTree) -> Iterator[Edit]:
        """Bundles first (`#*`, and one per detail where there are several), then single places where a detail has
        more than one (none for a name defined twice, as a property's getter and setter are: which would be meant?).
        Nothing for a file that does not parse or a function that is not there."""
        singles: list[Edit] = []
        for name in self._offered:
            details = [match.detail for match in self._baseline_matches(site, tree, name)]
            if not details:
                continue
            yield self._edit(name, site, tree, "*")
            counts = Counter(details)
            if len(counts) > 1:
                for detail in counts:
                    yield self._edit(name, site, tree, "*", detail)
            for number, detail in enumerate(details):
                if counts[detail] > 1 and self._is_defined_once(site, tree):
                    singles.append(self._edit(name, site, tree, str(number), detail))
        yield from singles

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        edits = list(self.enumerate(site, tree))
        return rng.choice(edits) if edits else None

    def apply(self, edit: Edit, text: str, tree: SourceTree) -> str:
        return apply_alone(edit, text, tree, self)

    def apply_to_unit(self, edits: Sequence[Edit], unit: Unit, baseline: Unit) -> Unit:
        """Make all edits of one kind and function at once: their places are counted in `baseline`, the unit's text
        before any edit, and found again in `unit` by their text. Raises EditError when a place is gone."""
        kind = _kind(edits[0].kind)
        present = _matches(kind, unit, edits[0].function)
        chosen: set[int] = set()
        for edit in edits:
            chosen |= _chosen(edit, kind, present, baseline)
        if not chosen:
            raise EditError(f"{edits[0]} finds nothing to change.")
        # innermost first: an outer place then repeats what was made of the inner ones
        order = sorted(chosen, key=lambda number: _end_first(unit, present[number][1]))
        rewriter = Rewriter(present[order[0]][0])
        errors = []
        for function, match in (present[number] for number in order):
            rewriter.function = function
            errors.append(rewriter.attempt(match.rewrite))
        if all(errors) or (any(errors) and all(edit.site != "*" for edit in edits)):
            raise next(error for error in errors if error is not None)
        return rewriter.finish()

    def _baseline_matches(self, site: Site, tree: SourceTree, kind: str) -> list[Match]:
        try:
            module = Module.of(tree[site.path].removeprefix("\ufeff"))
            function = module.resolve(site.function)
            definitions = module.outermost(function) if function else ()
        except (EditError, KeyError):
            return []
        return [
            match
            for definition in definitions
            for _, match in _matches(
                CATALOGUE[kind], Unit.of(module, definition, Project.of(tree), site.path), function
            )
        ]

    def _is_defined_once(self, site: Site, tree: SourceTree) -> bool:
        module = Module.of(tree[site.path].removeprefix("\ufeff"))
        return len(module.outermost(module.resolve(site.function))) == 1

    def _edit(self, kind: str, site: Site, tree: SourceTree, place: str, detail: str = "") -> Edit:
        function = Module.of(tree[site.path].removeprefix("\ufeff")).resolve(site.function)
        return Edit(self.name, kind, site.path, function, place, detail, CATALOGUE[kind].label)


def _kind(name: str) -> Kind:
    try:
        return CATALOGUE[name]
    except KeyError:
        raise EditError(f"The catalogue has no kind {name!r}; it has {', '.join(CATALOGUE)}.") from None


@lru_cache(maxsize=4096)
def _matches(kind: Kind, unit: Unit, function: str) -> list[tuple[Function, Match]]:
    """The kind's places in a unit; the list is shared, not to be changed."""
    found: list[tuple[Function, Match]] = []
    for candidate in functions_in(unit, function):
        if not candidate.looks_at_itself:
            with suppress(RecursionError):  # expressions nested too deeply to look through
                found += [(candidate, match) for match in kind.find(candidate)]
    return found


def _chosen(edit: Edit, kind: Kind, present: list[tuple[Function, Match]], baseline: Unit) -> set[int]:
    """Indices into `present` of the places an edit names."""
    if edit.site == "*":
        return {number for number, (_, match) in enumerate(present) if edit.detail in ("", match.detail)}
    original = _matches(kind, baseline, edit.function)
    number = int(edit.site) if edit.site.isdecimal() else -1
    if not 0 <= number < len(original):
        raise EditError(f"{edit} names a place that is not there: the function has {len(original)}.")
    keys = [_key(function, match) for function, match in original]
    now = [_key(function, match) for function, match in present]
    same = [index for index, key in enumerate(now) if key == keys[number]]
    before = keys[:number].count(keys[number])
    if len(same) == keys.count(keys[number]):
        return {same[before]}
    if len(now) == len(keys):
        return {number}
    raise EditError(f"{edit} no longer applies: another edit changed its place.")


def _key(function: Function, match: Match) -> tuple[str, str]:
    return " ".join(function.source(match.node).split()), match.detail


def _end_first(unit: Unit, match: Match) -> tuple[int, int]:
    """Sorts places in source order, those inside another before it."""
    start, end = unit.positions.span(match.node)
    return end, -start


def describe(kinds: Iterable[str] | None = None) -> dict[str, str]:
    """Kind → first line of what it does, for documentation and reports."""
    return {name: (CATALOGUE[name].__doc__ or "").strip().splitlines()[0] for name in kinds or CATALOGUE}
