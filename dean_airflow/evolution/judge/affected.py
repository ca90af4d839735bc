"""Which lines of the baseline a candidate changes, and which tests run them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher

from dean_airflow.evolution.edits.source import SourceTree


def changed_lines(old: str, new: str) -> set[int]:
    """Numbers (from 1) of the old lines that are replaced or removed, and of both neighbours of an insertion."""
    before, after = old.split("\n"), new.split("\n")
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    middle_old, middle_new = before[start : len(before) - end], after[start : len(after) - end]
    lines: set[int] = set()
    for tag, first, last, _, _ in SequenceMatcher(None, middle_old, middle_new, autojunk=False).get_opcodes():
        if tag == "insert":
            lines |= {start + first, start + first + 1}
        elif tag != "equal":
            lines |= set(range(start + first + 1, start + last + 1))
    return {line for line in lines if 1 <= line <= len(before)}


def affected_tests(
    tree: SourceTree, files: Mapping[str, str], coverage: Mapping[str, Mapping[int, tuple[str, ...]]]
) -> set[str]:
    """Ids of the tests that run a changed line."""
    found: set[str] = set()
    for path, text in files.items():
        lines = coverage.get(path, {})
        for number in changed_lines(tree[path], text):
            found.update(lines.get(number, ()))
    return found
