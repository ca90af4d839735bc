"""Which edit sources there are, by name: the three of DEAN's own, and others by entry point or registration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.edits.source import EditSource

ENTRY_POINTS = "dean_airflow.edit_sources"
"""Group of entry points whose objects, called without arguments, give an EditSource of the entry point's name."""


_registered: dict[str, Callable[[], EditSource]] = {}


def register_edit_source(name: str, make: Callable[[], EditSource]) -> None:
    """Makes a source known to this process under a name for the param `edit_sources`, before the entry points."""
    _registered[name] = make


def edit_sources(names: Sequence[str]) -> list[EditSource]:
    """The named sources, in that order. Raises ConfigurationError for an unknown name and for none at all."""
    if not names:
        raise ConfigurationError("The param `edit_sources` is empty: name at least one, such as `catalogue`.")
    return [_source(name) for name in dict.fromkeys(names)]


def _source(name: str) -> EditSource:
    if name == "catalogue":
        from dean_airflow.evolution.edits.catalogue.source import CatalogueSource

        return CatalogueSource()
    if name == "ruff":
        from dean_airflow.evolution.edits.ruff import RuffSource

        return RuffSource()
    if name == "generic":
        from dean_airflow.evolution.edits.generic import GenericSource

        return GenericSource()
    if name in _registered:
        return _registered[name]()
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name == name:
            source: EditSource = entry.load()()
            return source
    known = ["catalogue", "ruff", "generic", *_registered, *(entry.name for entry in entry_points(group=ENTRY_POINTS))]
    raise ConfigurationError(f"There is no edit source {name!r}; the param `edit_sources` takes {', '.join(known)}.")
