"""A target of about a millisecond that nothing can improve, and an edit source whose edits change nothing but names."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable
from types import CodeType
from typing import Any

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.edits.source import Site, SourceTree

NAME = "neutral"
KINDS = 200
"""Numbers that a name may be given, each an edit of its own."""
LOCAL = re.compile(r"\btotal((?:_\d+)*)\b")

_WORK = '''"""Two sums that leave nothing to improve by renaming."""


def mix(seed):
    total = seed % 65521
    for number in range({loops}):
        total = (total * 31 + number) & 65535
    return total


def fold(seed):
    total = seed % 251
    for number in range({loops}):
        total = (total + number) ^ 5
    return total
'''
_TESTS = """from work import fold, mix


def test_mix_depends_on_its_seed():
    assert mix(1) != mix(2)


def test_fold_depends_on_its_seed():
    assert fold(1) != fold(2)
"""
_BENCHMARK = """from work import fold, mix


def run(seed):
    return mix(seed), fold(seed)
"""


class NeutralSource:
    """Edits `rename-N` append `_N` to the name of a function's only variable that is written to: equal bytecode."""

    name = NAME
    preserves = True

    def enumerate(self, site: Site, tree: SourceTree) -> Iterable[Edit]:
        return [self._edit(site, number) for number in range(KINDS)]

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        return self._edit(site, rng.randrange(KINDS))

    def apply(self, edit: Edit, text: str, tree: SourceTree) -> str:
        """Raises EditError where the function is not the target's."""
        before, definition, rest = text.partition(f"def {edit.function}(")
        if not definition:
            raise EditError(f"{edit} names no function of {edit.path}.")
        body, gap, after = rest.partition("\n\n\n")
        number = edit.kind.removeprefix("rename-")
        return before + definition + LOCAL.sub(rf"total\1_{number}", body) + gap + after

    def same_bytecode(self, tree: SourceTree) -> bool:
        """Whether a genome of several edits compiles to the very instructions of the target."""
        path = "work.py"
        text = tree[path]
        for number, function in enumerate(("mix", "fold", "mix")):
            text = self.apply(self._edit(Site(path, function, 0.5), number), text, tree)
        return text != tree[path] and _instructions(text) == _instructions(tree[path])

    def _edit(self, site: Site, number: int) -> Edit:
        return Edit(NAME, f"rename-{number}", site.path, site.function)


def neutral_target() -> dict[str, str]:
    """Its files: `work.py`, whose two functions take half a millisecond each here, tests and `benchmark.py`."""
    return {
        "work.py": _WORK.format(loops=_loops_of_half_a_millisecond()),
        "tests/test_work.py": _TESTS,
        "benchmark.py": _BENCHMARK,
    }


def _instructions(text: str) -> list[bytes]:
    module = compile(text, "work.py", "exec")
    return [constant.co_code for constant in module.co_consts if isinstance(constant, CodeType)]


def _loops_of_half_a_millisecond() -> int:
    loops = 10_000
    space: dict[str, Any] = {}
    exec(_WORK.format(loops=loops), space)
    best = min(_timed(space["mix"]) for _ in range(20))
    return int(loops * 0.0005 / best)


def _timed(function: Any) -> float:
    started = time.perf_counter()
    function(1)
    return time.perf_counter() - started
