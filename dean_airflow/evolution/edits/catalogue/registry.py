"""Every kind of the catalogue by name: one module of `kinds/` each, found by its `KIND`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from dean_airflow.evolution.edits.catalogue import kinds
from dean_airflow.evolution.edits.catalogue.kind import Kind


def _collect() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for info in sorted(pkgutil.iter_modules(kinds.__path__), key=lambda info: info.name):
        kind = importlib.import_module(f"{kinds.__name__}.{info.name}").KIND
        found[kind.name] = kind
    return found


CATALOGUE: Mapping[str, Kind] = MappingProxyType(_collect())
