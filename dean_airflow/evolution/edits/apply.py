"""A genome applied to the baseline: only the functions it names are transformed, and spliced into their files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.module import Module
from dean_airflow.evolution.edits.project import Project
from dean_airflow.evolution.edits.source import EditSource, SourceTree
from dean_airflow.evolution.edits.unit import Unit

_BOM = "\ufeff"
_REMEMBERED_UNITS = 8192


@runtime_checkable
class UnitSource(Protocol):
    """A source that edits one outermost function at a time; any other is asked for whole files (`apply`)."""

    @property
    def name(self) -> str: ...

    def apply_to_unit(self, edits: Sequence[Edit], unit: Unit, baseline: Unit) -> Unit:
        """The unit with the edits made: all of one kind and one function, never empty. Raises EditError."""
        ...


def apply_genome(genome: Genome, tree: SourceTree, sources: Iterable[EditSource]) -> dict[str, str]:
    """The files a genome changes, with their new text.

    Edits of one kind in one function are made together, at the place of the first of them, so that their order and
    repetition do not matter; different kinds are made in the genome's order. Function by function first, edits of
    the module level (empty `function`) and of sources without `apply_to_unit` last, on the file's text.
    Raises EditError when an edit names an unknown source or file, its place is gone, or its conditions do not hold.
    """
    by_name = {source.name: source for source in sources}
    by_path: dict[str, list[Edit]] = {}
    for edit in genome:
        if edit.source not in by_name:
            raise EditError(f"{edit} belongs to no known edit source ({', '.join(by_name)}).")
        if edit.path not in tree:
            raise EditError(f"{edit} names a file that is not among those that may change.")
        by_path.setdefault(edit.path, []).append(edit)
    changed = {}
    for path, edits in by_path.items():
        text = _apply_to_file(edits, tree[path], tree, by_name)
        if text != tree[path]:
            changed[path] = text
    return changed


def applicable(genome: Genome, tree: SourceTree, sources: Iterable[EditSource]) -> Genome:
    """The genome without the edits that cannot be applied after those before them."""
    sources = tuple(sources)
    kept: list[Edit] = []
    for edit in genome:
        try:
            apply_genome((*kept, edit), tree, sources)
        except EditError:
            continue
        kept.append(edit)
    return tuple(kept)


def apply_alone(edit: Edit, text: str, tree: SourceTree, source: UnitSource) -> str:
    """One edit of a unit source made in a file's present text (what `EditSource.apply` of such a source does)."""
    module, baseline = Module.of(text.removeprefix(_BOM)), Module.of(tree[edit.path].removeprefix(_BOM))
    originals = baseline.outermost(edit.function)
    project = Project.of(tree)
    units, failures = [], []
    for number, definition in enumerate(module.outermost(edit.function)):
        original = Unit.of(baseline, originals[min(number, len(originals) - 1)], project, edit.path)
        try:
            units.append(source.apply_to_unit((edit,), Unit.of(module, definition, project, edit.path), original))
        except EditError as error:
            failures.append(error)
    if not units:
        raise failures[0]
    return _bom(text) + _splice(module, units)


def _apply_to_file(edits: list[Edit], text: str, tree: SourceTree, sources: dict[str, EditSource]) -> str:
    module = Module.of(text.removeprefix(_BOM))
    by_function: dict[str, list[Edit]] = {}
    whole: list[Edit] = []
    for edit in edits:
        if edit.function and isinstance(sources[edit.source], UnitSource):
            by_function.setdefault(edit.function.split(".<locals>.", 1)[0], []).append(edit)
        else:
            whole.append(edit)
    units = []
    for function, its_edits in by_function.items():
        groups = _groups(its_edits)
        originals = [
            Unit.of(module, definition, Project.of(tree), edits[0].path) for definition in module.outermost(function)
        ]
        attempts = [_chain(original, groups, sources) for original in originals]
        _check_each_applied(attempts, groups)
        units += [unit for unit, _ in attempts]
    result = _bom(text) + _splice(module, units)
    for edit in whole:
        result = sources[edit.source].apply(edit, result, tree)
    return result


Group = tuple[Edit, ...]


def _groups(edits: list[Edit]) -> tuple[Group, ...]:
    """Edits of one source, kind and function together, groups in the order of their first edit, each sorted."""
    grouped: dict[tuple[str, str, str], set[Edit]] = {}
    for edit in edits:
        grouped.setdefault((edit.source, edit.kind, edit.function), set()).add(edit)
    return tuple(tuple(sorted(group)) for group in grouped.values())


Attempt = tuple[Unit, tuple[EditError | None, ...]]
"""A unit after a chain of groups, and per group why it did not apply to this unit (None: it did)."""

_units: OrderedDict[tuple[Unit, tuple[Group, ...], tuple[EditSource, ...]], Attempt] = OrderedDict()


def _chain(original: Unit, groups: tuple[Group, ...], sources: dict[str, EditSource]) -> Attempt:
    """The groups made one after the other; each prefix is remembered, so a genome with one more edit costs one."""
    if not groups:
        return original, ()
    used = tuple(sources[name] for name in sorted({group[0].source for group in groups}))
    key = (original, groups, used)
    if key in _units:
        _units.move_to_end(key)
        return _units[key]
    unit, outcomes = _chain(original, groups[:-1], sources)
    source = sources[groups[-1][0].source]
    assert isinstance(source, UnitSource)
    error: EditError | None = None
    try:
        unit = source.apply_to_unit(groups[-1], unit, original)
    except EditError as failure:
        error = failure
    _units[key] = unit, (*outcomes, error)
    if len(_units) > _REMEMBERED_UNITS:
        _units.popitem(last=False)
    return _units[key]


def _check_each_applied(attempts: list[Attempt], groups: tuple[Group, ...]) -> None:
    """A name defined twice (a property's getter and setter) is served if one definition takes the edit."""
    for number in range(len(groups)):
        errors = [outcomes[number] for _, outcomes in attempts]
        if all(error is not None for error in errors):
            raise errors[0]  # type: ignore[misc]


def _splice(module: Module, units: Iterable[Unit]) -> str:
    """The file with units in the place of their definitions, and their headers before what holds them."""
    pieces: list[tuple[int, int, str]] = []
    headers: dict[int, list[str]] = {}
    owners: dict[str, str] = {}
    for unit in units:
        for statement in unit.header:
            name = statement.rsplit(" ", 1)[1] if statement.startswith("import ") else statement.partition(" = ")[0]
            if owners.setdefault(name, statement) != statement:
                raise EditError(f"Two functions would give the module-level name {name} different values.")
        pieces.append((unit.definition.start, unit.definition.end, unit.text))
        above = headers.setdefault(unit.definition.top, [])
        above += [statement for statement in unit.header if statement not in above]
    for at, statements in headers.items():
        pieces += [(at, at, "".join(statement + module.newline for statement in statements))] if statements else []
    result, at = [], 0
    for start, end, text in sorted(pieces, key=lambda piece: piece[:2]):
        result += [module.text[at:start], text]
        at = end
    return "".join([*result, module.text[at:]])


def _bom(text: str) -> str:
    return _BOM if text.startswith(_BOM) else ""
