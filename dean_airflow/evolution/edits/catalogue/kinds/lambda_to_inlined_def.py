"""A lambda that only calls a helper, as a nested function with the helper's statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.inlining import TailInliner, never_rebound
from dean_airflow.evolution.edits.analysis.scope import Scope, arguments_of
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class LambdaToInlinedDef(Kind):
    """`lambda x: helper(x, option)` becomes a nested function that holds the helper's statements: one call
    instead of two each time it is called.

    Safe when `helper` surely is one undecorated function of the project, small, with no scope of its own
    inside but comprehensions, no `yield`, `global`, named handler or stars; its global names are built-ins
    or those of the same file. The lambda's parameters are plain, without defaults. Variables of the function
    around it are read where the helper reads them if they are parameters that are never bound anew, else
    once at the start of each call, as before. The function is made just above the statement, which must not
    be a `while` (its test makes a lambda each time). Only the name that `repr` and tracebacks show changes.

        return first(items, lambda x: is_match(x, kind))   →   def _is_match(x):
                                                                   if x is None:
                                                                       return False
                                                                   return x.kind == kind
                                                               return first(items, _is_match)
    """

    name = "lambda_to_inlined_def"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Lambda) or not isinstance(node.body, ast.Call):
                continue
            statement = function.statement_of(node)
            if isinstance(statement, ast.While | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if function.in_nested_scope(node) or not function.starts_line(statement) or not _is_plain(node):
                continue
            if _inliner(function, node).possible():
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _is_plain(node: ast.Lambda) -> bool:
    arguments = node.args
    return not (arguments.defaults or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)


def _inliner(function: Function, node: ast.Lambda) -> TailInliner:
    assert isinstance(node.body, ast.Call)
    own = Scope(parameters=frozenset(argument.arg for argument in arguments_of(node.args)))
    scopes = (own, function.scope, *function.enclosing)
    return TailInliner(function, node.body, lambda name: never_rebound(name, scopes, function.unit.nonlocal_names))


def _rewrite(rewriter: Rewriter, node: ast.Lambda) -> None:
    function = rewriter.function
    assert isinstance(node.body, ast.Call) and isinstance(node.body.func, ast.Name)
    name = rewriter.fresh(node.body.func.id)
    lines = _inliner(function, node).lines(rewriter.fresh)
    head = f"def {name}({ast.unparse(node.args)}):"
    rewriter.insert_before(function.statement_of(node), [head, *(function.indent_step + line for line in lines)])
    rewriter.replace(node, name)


KIND = LambdaToInlinedDef()
