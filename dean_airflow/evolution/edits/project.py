"""The baseline's files together: where an imported name is defined, and which method a class has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.analysis.scope import body_scope
from dean_airflow.evolution.edits.module import Module
from dean_airflow.evolution.edits.source import SourceTree

_MOST_HOPS = 8


@dataclass(frozen=True)
class Found:
    """A definition somewhere in the project: the file it is in and its node (a function, a class, or the name an
    assignment binds)."""

    path: str
    module: Module
    node: ast.AST


@dataclass(frozen=True)
class Method:
    """A method as a class has it. `owner` is the class that defines it (the class itself or one of its bases)."""

    found: Found
    owner: ast.ClassDef

    @property
    def node(self) -> ast.FunctionDef:
        assert isinstance(self.found.node, ast.FunctionDef)
        return self.found.node

    @property
    def is_static(self) -> bool:
        return [ast.unparse(decorator) for decorator in self.node.decorator_list] == ["staticmethod"]


class Project:
    """Get one with `Project.of(tree)`; the same files give the same object."""

    def __init__(self, files: frozenset[tuple[str, str]]) -> None:
        self._files = dict(files)

    @staticmethod
    def of(tree: SourceTree) -> Project:
        return _project(frozenset(tree.items()))

    def module(self, path: str) -> Module | None:
        """None for a file that is not there or does not parse."""
        if path not in self._files:
            return None
        try:
            return Module.of(self._files[path].removeprefix("\ufeff"))
        except EditError:
            return None

    def find(self, path: str, name: str) -> Found | None:
        """Where a module-level name of a file is defined, following imports inside the project; None when that
        cannot be told (bound twice, conditionally, rebound, or outside)."""
        for _ in range(_MOST_HOPS):
            module = self.module(path)
            node = module.binding_of(name) if module else None
            if module is None or node is None:
                return None
            if not isinstance(node, ast.alias):
                return Found(path, module, node)
            statement = module.statement_of(node)
            if not isinstance(statement, ast.ImportFrom):
                return None
            target = self._imported_file(path, statement)
            if target is None:
                return None
            path, name = target, node.name
        return None

    def lineage(self, path: str, node: ast.ClassDef) -> tuple[Found, ...] | None:
        """The class and its bases, nearest first; None when one is outside the project, or inheritance is multiple
        (then the order of look-up is not simply upwards)."""
        module = self.module(path)
        if module is None:
            return None
        found = [Found(path, module, node)]
        while True:
            bases = [base for base in node.bases if not (isinstance(base, ast.Name) and base.id == "object")]
            if not bases:
                return None if node.keywords else tuple(found)
            if len(bases) > 1 or node.keywords or not isinstance(bases[0], ast.Name) or len(found) > _MOST_HOPS:
                return None
            base = self.find(found[-1].path, bases[0].id)
            if base is None or not isinstance(base.node, ast.ClassDef):
                return None
            found.append(base)
            node = base.node

    def method(self, path: str, node: ast.ClassDef, name: str) -> Method | None:
        """The method instances of exactly this class have under a name; None when it cannot be told."""
        for found in self.lineage(path, node) or ():
            assert isinstance(found.node, ast.ClassDef)
            bound = list(_bindings_in_class(found.node, name))
            if len(bound) == 1 and isinstance(bound[0], ast.FunctionDef):
                return Method(Found(found.path, found.module, bound[0]), found.node)
            if bound:
                return None
        return None

    def is_plain(self, lineage: tuple[Found, ...]) -> bool:
        """Attributes of instances are looked up the ordinary way, and the classes are not decorated."""
        return not any(
            list(_bindings_in_class(found.node, name))
            for found in lineage
            if isinstance(found.node, ast.ClassDef)
            for name in ("__getattr__", "__getattribute__", "__setattr__", "__slots__")
        ) and not any(isinstance(found.node, ast.ClassDef) and found.node.decorator_list for found in lineage)

    def is_class_attribute(self, lineage: tuple[Found, ...], name: str) -> bool:
        return any(
            list(_bindings_in_class(found.node, name)) for found in lineage if isinstance(found.node, ast.ClassDef)
        )

    def _imported_file(self, path: str, statement: ast.ImportFrom) -> str | None:
        dotted = (statement.module or "").split(".") if statement.module else []
        folder = PurePosixPath(path).parent
        if statement.level:
            for _ in range(statement.level - 1):
                folder = folder.parent
            return self._file(folder, dotted)
        for root in (folder, *folder.parents):
            target = self._file(root, dotted)
            if target is not None:
                return target
        return None

    def _file(self, folder: PurePosixPath, dotted: list[str]) -> str | None:
        base = folder.joinpath(*dotted)
        for candidate in (f"{base}.py", str(base / "__init__.py")):
            if candidate in self._files:
                return candidate
        return None


@lru_cache(maxsize=32)
def _project(files: frozenset[tuple[str, str]]) -> Project:
    return Project(files)


def _bindings_in_class(node: ast.ClassDef, name: str) -> Iterator[ast.AST]:
    yield from body_scope(node.body).bindings.get(name, [])
