"""Where the benchmark's time goes, by function of the target."""

from __future__ import annotations

import ast
import cProfile
import os
import pstats
from typing import Any

from . import family, source_file
from .zygote import Answer, Zygote

PASSES = 30
"""How many calls deep time spent outside the target is handed back towards the target's own functions."""

Place = tuple[str, int, str]


class ProfilingZygote(Zygote):
    """A zygote that also answers `profile`: seeds, repeats, limit → functions with their charged seconds."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.operations["profile"] = self.profile

    def profile(self, request: dict[str, Any]) -> Answer:
        """Runs the workload under cProfile in a child. Raises child.Gone."""

        def work() -> Any:
            profiler = cProfile.Profile()
            profiler.enable()
            for seed in request["seeds"]:
                self.workload.run(seed, request["repeats"])
            profiler.disable()
            return by_function(profiler, self.project)

        return {"functions": family.compute(work, request["limit"], self.connection.fileno())}


def by_function(profiler: cProfile.Profile, project: str) -> list[tuple[str, str, float]]:
    """(path, qualified name, seconds) of the project's functions, costliest first.

    Time in built-ins and other packages is charged to the functions that called them, in proportion to the time they
    spent there, because that is where an edit can save it.
    """
    stats: Any = pstats.Stats(profiler)
    amounts = {place: row[2] for place, row in stats.stats.items()}
    inside = {place for place in amounts if _is_inside(place, project)}
    for _ in range(PASSES):
        for place, row in stats.stats.items():
            callers = {caller: figures[3] for caller, figures in row[4].items()}
            total = sum(callers.values())
            if place in inside or not amounts[place] or total <= 0:
                continue
            for caller, seconds in callers.items():
                amounts[caller] = amounts.get(caller, 0.0) + amounts[place] * seconds / total
            amounts[place] = 0.0
    return _named({place: amounts[place] for place in inside}, project)


def _is_inside(place: Place, project: str) -> bool:
    return os.path.isabs(place[0]) and os.path.realpath(place[0]).startswith(project + os.sep)


def _named(amounts: dict[Place, float], project: str) -> list[tuple[str, str, float]]:
    names: dict[str, list[tuple[int, int, str]]] = {}
    totals: dict[tuple[str, str], float] = {}
    for (file, line, _), seconds in amounts.items():
        file = os.path.realpath(file)
        if file not in names:
            names[file] = _definitions(file)
        key = (os.path.relpath(file, project), _enclosing(names[file], line))
        totals[key] = totals.get(key, 0.0) + seconds
    rows = [(path, name, seconds) for (path, name), seconds in totals.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def _definitions(file: str) -> list[tuple[int, int, str]]:
    """(first line, last line, qualified name) of every function in a file, outer before inner."""
    import tokenize

    found: list[tuple[int, int, str]] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([inner.lineno, *(one.lineno for one in inner.decorator_list)])
                found.append((first, inner.end_lineno or first, prefix + inner.name))
                visit(inner, f"{prefix}{inner.name}.<locals>.")
            elif isinstance(inner, ast.ClassDef):
                visit(inner, f"{prefix}{inner.name}.")
            else:
                visit(inner, prefix)

    with tokenize.open(file) as stream:
        visit(ast.parse("".join(source_file.split_lines(stream.read()))), "")
    return found


def _enclosing(definitions: list[tuple[int, int, str]], line: int) -> str:
    """The innermost function around a line; comprehensions and lambdas count to the function they stand in."""
    around = [entry for entry in definitions if entry[0] <= line <= entry[1]]
    return max(around, key=lambda entry: entry[0])[2] if around else ""
