"""Small vocabulary for tests of edits: a one-file tree, the catalogue over it, and before → after."""

from __future__ import annotations

import textwrap

from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import Site

PATH = "pkg/mod.py"


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def found(kind: str, source: str, function: str = "f") -> list[Edit]:
    """What one kind proposes for a function of a (dedented) file."""
    tree = {PATH: dedent(source)}
    return list(CatalogueSource([kind]).enumerate(Site(PATH, function, 1.0), tree))


def after(kind: str, source: str, function: str = "f", site: str = "*", detail: str = "") -> str:
    """The (dedented) file with one edit of the catalogue made."""
    tree = {PATH: dedent(source)}
    edit = Edit("catalogue", kind, PATH, function, site, detail)
    return apply_genome((edit,), tree, [CatalogueSource()])[PATH]


def refuses(kind: str, source: str, function: str = "f") -> bool:
    return not found(kind, source, function)


def agree(before: str, after: str, calls: list[str]) -> None:
    """Both texts give equal results (type and value, or exception and its text) for expressions over their names."""
    for call in calls:
        assert _outcome(after, call) == _outcome(before, call), call


def _outcome(text: str, call: str) -> tuple[str, str]:
    names: dict[str, object] = {}
    exec(compile(dedent(text), PATH, "exec", dont_inherit=True), names)
    try:
        value = eval(call, names)
    except Exception as error:
        return type(error).__name__, str(error)
    return type(value).__name__, repr(value)
