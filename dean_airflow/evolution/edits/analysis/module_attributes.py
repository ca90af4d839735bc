"""Attributes of the project's own modules, which are as constant as the module-level names they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.module import Module


def is_module_attribute(function: Function, node: ast.AST) -> bool:
    """`module.name`, where the module surely is a file of the project that binds the name once, at its top level:
    reading it has no effect and gives the same each time."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    if not isinstance(node.ctx, ast.Load) or not function.is_global(node.value.id):
        return False
    module = _module_named(function, node.value.id)
    return module is not None and module.binding_of(node.attr) is not None


def _module_named(function: Function, name: str) -> Module | None:
    project, path = function.unit.project, function.unit.path
    binding = function.module.binding_of(name)
    if not isinstance(binding, ast.alias):
        return None
    statement = function.module.statement_of(binding)
    if isinstance(statement, ast.Import):
        if binding.asname is None and "." in binding.name:
            return None
        paths = list(_candidates(path, 0, binding.name))
    else:
        assert isinstance(statement, ast.ImportFrom)
        package = statement.module or ""
        for init in _candidates(path, statement.level, package):
            owner = project.module(init) if init.endswith("__init__.py") else None
            bound = owner.scope.bindings.get(binding.name, []) if owner else []
            if any(not _imports_submodule(owner, node) for node in bound):
                return None
        dotted = f"{package}.{binding.name}" if package else binding.name
        paths = list(_candidates(path, statement.level, dotted))
    return next((found for found in map(project.module, paths) if found is not None), None)


def _imports_submodule(owner: Module | None, node: ast.AST) -> bool:
    """What a package binds to a submodule's name is an import of that submodule."""
    if owner is None or not isinstance(node, ast.alias) or node.asname not in (None, node.name):
        return False
    return any(isinstance(statement, ast.ImportFrom) and node in statement.names for statement in owner.tree.body)


def _candidates(path: str, level: int, dotted: str) -> Iterator[str]:
    """Files a dotted name may stand for, seen from a file; absolute names are looked up from every folder above."""
    folder = PurePosixPath(path).parent
    roots = [folder, *folder.parents]
    if level:
        roots = roots[level - 1 : level]
    parts = dotted.split(".") if dotted else []
    for root in roots:
        base = root.joinpath(*parts)
        yield f"{base}.py"
        yield str(base / "__init__.py")
