"""What a genome changes, as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Mapping


def diff_of(before: Mapping[str, str], after: Mapping[str, str], tree: Mapping[str, str]) -> str:
    """The diff between two sets of changed files of a tree, each without those it does not change; "" for none."""
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, tree[path]), after.get(path, tree[path])
        lines += difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
