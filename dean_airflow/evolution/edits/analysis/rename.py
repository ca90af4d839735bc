"""Renaming a comprehension's variables, so that its parts can run as statements of the function."""

from __future__ import annotations

import ast
from collections.abc import Callable

from dean_airflow.evolution.edits.analysis.scope import COMPREHENSIONS
from dean_airflow.evolution.edits.rewrite import Rewriter

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def can_rename(comprehension: Comprehension) -> bool:
    """The targets are plain names, possibly in tuples, and nothing inside has a scope of its own, a walrus, an
    f-string (Python 3.11 gives wrong positions in there), or waits (`await`, `async for`): every use of a target's
    name then means the target."""
    for generator in comprehension.generators:
        if generator.is_async:
            return False
        if not all(
            isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Store) for node in ast.walk(generator.target)
        ):
            return False
    forbidden = (*COMPREHENSIONS, ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.JoinedStr)
    outermost_iterable = comprehension.generators[0].iter
    inner = {id(node) for node in ast.walk(comprehension)} - {id(node) for node in ast.walk(outermost_iterable)}
    return not any(
        isinstance(node, forbidden)
        for node in ast.walk(comprehension)
        if id(node) in inner and node is not comprehension
    ) and not any(isinstance(node, ast.NamedExpr | ast.Await) for node in ast.walk(outermost_iterable))


def renamed(rewriter: Rewriter, comprehension: Comprehension) -> Callable[[ast.expr], str]:
    """Gives every target a fresh name; the function returned tells an inner part's text under the new names, fit to
    follow a keyword or `not` (in parentheses unless it is an atom). The outermost iterable is not an inner part."""
    targets = {
        node.id
        for generator in comprehension.generators
        for node in ast.walk(generator.target)
        if isinstance(node, ast.Name)
    }
    fresh = {name: rewriter.fresh(name) for name in sorted(targets)}

    def text(part: ast.expr) -> str:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and node.id in fresh:
                rewriter.replace(node, fresh[node.id])
        if isinstance(part, ast.Tuple) and isinstance(part.ctx, ast.Store):
            return rewriter.code(part)
        return rewriter.operand(part)

    return text
