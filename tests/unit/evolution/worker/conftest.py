"""A package written for one test, imported, and swapped in place; forgotten afterwards."""

from __future__ import annotations

import importlib
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dean_airflow.evolution.worker.swap import Swapper

Load = Callable[..., types.ModuleType]
Swap = Callable[[str], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable directory; what was imported from it is unloaded at the end."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def load(project: Path) -> Load:
    """`load(text, name="target")`: the (dedented) text imported as a module."""

    def write_and_import(text: str, name: str = "target") -> types.ModuleType:
        (project / f"{name}.py").write_bytes(textwrap.dedent(text).lstrip("\n").encode())
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return write_and_import


@pytest.fixture
def swap(project: Path) -> Swap:
    """`swap(text)`: target.py as if it had been imported with that (dedented) text."""

    def exchange(text: str) -> None:
        Swapper(str(project)).swap("target.py", textwrap.dedent(text).lstrip("\n"))

    return exchange
