"""Ruff's own fixes as edits: the linter proposes, the judge decides which of them pay."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.anchoring import Change, Layout, layout, make_changes
from dean_airflow.evolution.edits.edit import Edit, Label
from dean_airflow.evolution.edits.source import Site, SourceTree

# Rule families whose fixes change what runs or how much code there is.
SELECTED = (
    "B",
    "C4",
    "FLY",
    "FURB",
    "ISC",
    "LOG",
    "PERF",
    "PIE",
    "PLC",
    "PLR",
    "PLW",
    "RET",
    "RUF",
    "SIM",
    "UP",
)
# Of these, the rules that touch only comments, annotations or the order of declarations: nothing to measure.
IGNORED = ("RUF013", "RUF022", "RUF023", "RUF100", "UP006", "UP007", "UP035", "UP037", "UP045")
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Fix:
    """One diagnostic that ruff can fix: its code, the function it is in, what ruff says of it, and its
    changes."""

    code: str
    function: str
    label: Label
    changes: tuple[Change, ...]


class RuffSource:
    """Proposes each fix by itself and, where a function has several of one code, all of them at once.

    Edits are named `ruff.<CODE> path::function#n`, n counting that code's fixable diagnostics in that
    function of the baseline. Label `preserving`: ruff calls the fix "safe", which is its promise that the
    code's meaning is retained; every other fix is `behavioural`. Ruff runs once per file content, isolated
    from any configuration of the target, and reads the file from standard input only.
    """

    name: Literal["ruff"] = "ruff"
    preserves: Literal[True] = True

    def enumerate(self, site: Site, tree: SourceTree) -> Iterable[Edit]:
        """Every fix at the site: per code its safe ones as a bundle (from two on), then each fix alone."""
        bundles: list[Edit] = []
        single: list[Edit] = []
        for code, fixes in self._at(site.path, site.function, tree).items():
            if sum(fix.label == "preserving" for fix in fixes) > 1:
                bundles.append(Edit(self.name, code, site.path, site.function))
            single += [
                Edit(self.name, code, site.path, site.function, str(number), label=fix.label)
                for number, fix in enumerate(fixes)
            ]
        return [*bundles, *single]

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        """One of the site's edits, each as likely as any other; None where ruff has nothing to fix."""
        edits = list(self.enumerate(site, tree))
        return rng.choice(edits) if edits else None

    def apply(self, edit: Edit, text: str, tree: SourceTree) -> str:
        """The text with ruff's changes made; a bundle leaves out a fix that overlaps an earlier one, as ruff
        does.

        Raises EditError when the baseline has no such fix or the lines it changes are gone from `text`.
        """
        fixes = self._at(edit.path, edit.function, tree).get(edit.kind, [])
        if edit.site == "*":
            chosen = [fix for fix in fixes if fix.label == "preserving"]
        else:
            chosen = [fix for number, fix in enumerate(fixes) if str(number) == edit.site]
        if not chosen:
            raise EditError(f"Ruff has no fix {edit} in the baseline.")
        if edit.label == "preserving" and any(fix.label != "preserving" for fix in chosen):
            raise EditError(f"Ruff does not call {edit} safe, so it cannot be labelled preserving.")
        return make_changes(_without_overlaps(chosen), tree[edit.path], text, edit.function)

    def _at(self, path: str, function: str, tree: SourceTree) -> Mapping[str, list[Fix]]:
        by_code: dict[str, list[Fix]] = {}
        for fix in fixes_of(tree[path]) if path in tree else ():
            if fix.function == function:
                by_code.setdefault(fix.code, []).append(fix)
        return by_code


@lru_cache(maxsize=256)
def fixes_of(text: str) -> tuple[Fix, ...]:
    """Every fix ruff has for a file of this content, in source order. Raises EditError if ruff cannot be run
    or the text does not parse."""
    where = layout(text)
    fixes = [_fix(diagnostic, where) for diagnostic in _diagnostics(text) if diagnostic.get("fix")]
    return tuple(sorted(fixes, key=lambda fix: (fix.changes[0].start, fix.code)))


def _diagnostics(text: str) -> list[dict[str, Any]]:
    from ruff import find_ruff_bin

    command = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--quiet", "--exit-zero"]
    command += ["--select", ",".join(SELECTED), "--ignore", ",".join(IGNORED)]
    command += ["--target-version", f"py3{sys.version_info.minor}", "--output-format", "json"]
    command += ["--stdin-filename", "module.py", "-"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
        diagnostics = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EditError(f"Ruff could not be run for its fixes: {error}.") from None
    return [found for found in diagnostics if isinstance(found, dict)]


def _fix(diagnostic: Mapping[str, Any], where: Layout) -> Fix:
    fix = diagnostic["fix"]
    changes = [
        Change(_offset(edit["location"], where), _offset(edit["end_location"], where), edit["content"])
        for edit in fix["edits"]
    ]
    return Fix(
        code=str(diagnostic["code"]),
        function=where.function_at(int(diagnostic["location"]["row"]) - 1),
        label="preserving" if fix["applicability"] == "safe" else "behavioural",
        changes=tuple(sorted(changes)),
    )


def _offset(location: Mapping[str, int], where: Layout) -> int:
    # Ruff counts rows and columns from 1, columns in characters; the end of a file may be the row after the
    # last.
    row = location["row"] - 1
    return where.starts[row] + location["column"] - 1 if row < len(where.lines) else len(where.text)


def _without_overlaps(fixes: Iterable[Fix]) -> list[Change]:
    kept: list[Change] = []
    for fix in fixes:
        # Two fixes that need the same import both add it: once is enough.
        fresh = [change for change in fix.changes if change not in kept]
        if not any(_overlap(change, other) for change in fresh for other in kept):
            kept += [replace(change) for change in fresh]
    return kept


def _overlap(one: Change, other: Change) -> bool:
    return one.start < other.end and other.start < one.end
