"""A loop over what may have been wrapped in a tuple of one, without the loop for that case."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.captures import captured_names
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class UnwrapSingle(Kind):
    """Where a value is wrapped (`if not isinstance(v, (list, tuple)): v = (v,)`) and a loop inside another loop goes
    over `v`, the wrapped value is used directly: a branch instead of an iterator each time round.

    Safe when the variable is bound by nothing else (but as a parameter) and by no nested scope, the `if` has no
    `else` and only that statement, the inner loop comes later in the function, has no `else`, and neither `break` nor
    `continue`, and its variable is a plain name.

        if not isinstance(v, list):            if not isinstance(v, list):
            v = (v,)                               v = (v,)
        for row in rows:                 →         _wrapped = True
            for check in v:                    else:
                if check(row):                     _wrapped = False
                    return row                 for row in rows:
                                                   if _wrapped:
                                                       check = v[0]
                                                       if check(row):
                                                           return row
                                                   else:
                                                       for check in v:
                                                           if check(row):
                                                               return row
    """

    name = "unwrap_single"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            variable = _wrapped(node)
            if not isinstance(node, ast.If) or variable is None or not function.owns_lines(node):
                continue
            bindings = function.scope.bindings.get(variable, [])
            if len(bindings) != 1 or not function.scope.is_local(variable) or function.in_loop(node):
                continue
            if variable in captured_names(function.node) or variable not in function.scope.parameters:
                continue
            loops = [loop for loop in function.nodes if _is_inner_loop(function, loop, variable, node)]
            if loops:
                yield Match(node, lambda rewriter, node=node, loops=loops: _rewrite(rewriter, node, loops))  # type: ignore[misc]


def _wrapped(node: ast.AST) -> str | None:
    """The variable of `if not isinstance(v, ...): v = (v,)` (any test will do)."""
    match node:
        case ast.If(
            body=[ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=[ast.Name(id=wrapped)]))], orelse=[]
        ) if name == wrapped:
            return name
    return None


def _is_inner_loop(function: Function, loop: ast.AST, variable: str, wrap: ast.If) -> bool:
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Name) or loop.iter.id != variable:
        return False
    if loop.orelse or not isinstance(loop.target, ast.Name) or loop.target.id == variable:
        return False
    parts = [part for statement in loop.body for part in ast.walk(statement)]
    if any(isinstance(part, ast.Break | ast.Continue) for part in parts) or not function.in_loop(loop):
        return False
    # Reached only through the block that the wrapping is in, after it.
    block = function.block_of(wrap)
    later = block[block.index(wrap) + 1 :]
    own_lines = function.owns_lines(loop) and function.starts_line(loop.body[0])
    return own_lines and any(ancestor in later for ancestor in function.ancestors(loop))


def _rewrite(rewriter: Rewriter, node: ast.If, loops: list[ast.For]) -> None:
    function = rewriter.function
    step = function.indent_step
    flag = rewriter.fresh("wrapped")
    rewriter.insert_after(node.body[-1], [f"{flag} = True"])
    rewriter.insert_after(node, ["else:", f"{step}{flag} = False"])
    for loop in loops:
        assert isinstance(loop.iter, ast.Name)
        target = rewriter.code(loop.target)
        body = rewriter.reindent(loop.body, levels=1)
        lines = [f"if {flag}:", f"{step}{target} = {loop.iter.id}[0]", *body, "else:"]
        lines += [f"{step}for {target} in {loop.iter.id}:", *(step + line if line else "" for line in body)]
        rewriter.replace_statement(loop, lines)


KIND = UnwrapSingle()
