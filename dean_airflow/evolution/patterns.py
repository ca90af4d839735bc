"""What trials learn about kinds of edits: where each was tried, where it paid, and what that says of the next try."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.store.patterns import Pattern

NEUTRAL = 0.15
"""Chance of a win at which a kind is proposed as often as an unknown one."""
SETTLED_TRIES = 8
"""Tries after which a kind's record weighs as much as having none."""


def prior_of(patterns: Iterable[Pattern]) -> dict[str, float]:
    """Edit kind (`source.kind`) → relative chance to be proposed, 0.25..4; kinds without a record are left out (1).

    The chance of a win is the mean of its Beta posterior over all contexts, pulled towards NEUTRAL while tries are few.
    """
    tries: dict[str, int] = {}
    wins: dict[str, int] = {}
    for pattern in patterns:
        tries[pattern.kind] = tries.get(pattern.kind, 0) + pattern.tries
        wins[pattern.kind] = wins.get(pattern.kind, 0) + pattern.confirmed_wins
    return {
        kind: min(4.0, max(0.25, (wins[kind] + NEUTRAL * SETTLED_TRIES) / (count + SETTLED_TRIES) / NEUTRAL))
        for kind, count in tries.items()
    }


def context_of(edit: Edit, tree: SourceTree) -> str:
    """The shape of the function an edit works in: `generator`, `nested loop`, `loop`, `recursive`, or `straight`."""
    function = _function(edit, tree)
    if function is None:
        return "module"
    body = list(ast.walk(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in body):
        return "generator"
    loops = [node for node in body if isinstance(node, ast.For | ast.While | ast.comprehension)]
    if any(isinstance(inner, ast.For | ast.While) for loop in loops for inner in ast.walk(loop) if inner is not loop):
        return "nested loop"
    if loops:
        return "loop"
    calls = [node.func for node in body if isinstance(node, ast.Call)]
    names = {getattr(call, "id", getattr(call, "attr", "")) for call in calls}
    return "recursive" if function.name in names else "straight"


def _function(edit: Edit, tree: SourceTree) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    names: Sequence[str] = edit.function.replace(".<locals>", "").split(".") if edit.function else ()
    node: ast.AST = ast.parse(tree[edit.path])
    for name in names:
        found = next(
            (
                inner
                for inner in ast.walk(node)
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and inner.name == name
                and inner is not node
            ),
            None,
        )
        if found is None:
            return None
        node = found
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
