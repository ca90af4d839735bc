"""Imports of the standard library made once, at the module level."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.known_modules import always_there
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class ImportOutOfFunction(Kind):
    """An `import` statement run on every call becomes an assignment from a module imported at the top.

    Safe for modules of the standard library that are always there (`ALWAYS_THERE`), so that no import can fail or
    have an effect, and names bound locally. `from module import name` still takes the name from the module on every
    call (somebody may replace it), and only if it is there and not a submodule.

        def f(text):                      import re as _f_re
            import re                →    def f(text):
            return re.escape(text)            re = _f_re
                                              return re.escape(text)
    """

    name = "import_out_of_function"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Import | ast.ImportFrom) or not function.starts_line(node):
                continue
            if not all(_can_move(function, node, alias) for alias in node.names):
                continue
            yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _can_move(function: Function, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    name = alias.asname or alias.name
    if "." in name or name == "*" or not function.scope.is_local(name):
        return False
    if isinstance(node, ast.Import):
        return always_there(alias.name) is not None
    if node.level or node.module is None:
        return False
    module = always_there(node.module)
    inner = getattr(module, alias.name, None) if module else None
    return inner is not None and not isinstance(inner, type(ast))


def _rewrite(rewriter: Rewriter, node: ast.Import | ast.ImportFrom) -> None:
    lines = []
    for alias in node.names:
        name = alias.asname or alias.name
        if isinstance(node, ast.Import):
            lines.append(f"{name} = {rewriter.hoist_import(alias.name)}")
        else:
            assert node.module is not None
            lines.append(f"{name} = {rewriter.hoist_import(node.module)}.{alias.name}")
    rewriter.replace_statement(node, lines)


KIND = ImportOutOfFunction()
