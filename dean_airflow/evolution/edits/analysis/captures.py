"""Which variables of a function its nested scopes really hold on to."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.analysis.scope import COMPREHENSIONS, FunctionNode, names_in


def captured_names(function: FunctionNode) -> set[str]:
    """Names that code of nested functions, lambdas, classes and comprehensions mentions (its own among
    them). A comprehension's outermost iterable is not such code: the function itself evaluates it, at
    once."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, COMPREHENSIONS):
            first, *others = node.generators
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            names |= names_in([*parts, first.target, *first.ifs, *others])
        elif isinstance(node, ast.Lambda):
            names |= names_in([node.body])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not function:
            names |= names_in(node.body)
    return names
