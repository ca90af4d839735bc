"""Putting a guarded short way at the start of a function."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_MOST_NODES = 600


def may_have_fast_path(function: Function) -> bool:
    """A copy of the body may run in the place of the body: nothing in it depends on where it stands."""
    if not function.body or not function.starts_line(function.body[0]) or size_of(function.body) > _MOST_NODES:
        return False
    return not function.is_generator and not any(
        isinstance(
            node, ast.Global | ast.Nonlocal | ast.Await | ast.AsyncFor | ast.AsyncWith | ast.FunctionDef | ast.ClassDef
        )
        for node in function.nodes
    )


def size_of(body: list[ast.stmt]) -> int:
    """Number of syntax nodes: a measure of how much there is to run and to read."""
    return sum(1 for statement in body for _ in ast.walk(statement))


def lines_of(function: Function, body: list[ast.stmt]) -> list[str] | None:
    """The statements as text, indented the function's way; None where text cannot say them (or would say something
    else once it is indented, as a string over several lines does)."""
    step = function.indent_step
    lines: list[str] = []
    try:
        for statement in body:
            for line in ast.unparse(ast.fix_missing_locations(statement)).split("\n"):
                code = line.lstrip(" ")
                lines.append(step * ((len(line) - len(code)) // 4) + code)
        written = ast.parse("if 1:\n" + "\n".join(step + line for line in lines))
    except (ValueError, SyntaxError):
        return None
    assert isinstance(written.body[0], ast.If)
    same = [ast.dump(statement) for statement in written.body[0].body] == [ast.dump(statement) for statement in body]
    return lines if same else None


def insert_at_start(
    rewriter: Rewriter,
    guard: str,
    body: list[str],
    before: str | None = None,
    around: tuple[str, str] | None = None,
) -> None:
    """`if guard:` with the lines, before the function's first statement. `before` is a first statement under the
    guard; `around` an outer guard and the statement under it."""
    step = rewriter.function.indent_step
    lines = [f"if {guard}:", *(step + line for line in [*([before] if before else []), *body])]
    if around is not None:
        lines = [f"if {around[0]}:", *(step + line for line in [around[1], *lines])]
    rewriter.insert_before(rewriter.function.body[0], lines, above_comments=True)
