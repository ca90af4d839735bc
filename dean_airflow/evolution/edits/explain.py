"""What an edit does and why that is allowed, in words for a commit, a report and its reader."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from inspect import cleandoc

from dean_airflow.evolution.edits.edit import Edit

BEHAVIOURAL = (
    "No rule shows that this keeps the behaviour; it was accepted because the tests run and guard every line it "
    "changes and the changed functions gave the same results on at least 1,000 varied inputs."
)


def explain(edit: Edit) -> tuple[str, str]:
    """(title in the imperative, a paragraph of why), both plain text."""
    where = edit.function.rpartition(".")[2] or edit.path
    what, why = _words(edit)
    if edit.label == "behavioural":
        why = f"{why} {BEHAVIOURAL}".strip()
    return f"{what} in {where}", why


def _words(edit: Edit) -> tuple[str, str]:
    if edit.source == "catalogue":
        return _kind_words(edit.kind)
    if edit.source == "ruff":
        return f"Apply ruff's {edit.kind}", _rule_words(edit.kind)
    return f"Make the edit {edit.kind.replace('_', ' ')}", edit.detail


@cache
def _kind_words(kind: str) -> tuple[str, str]:
    from dean_airflow.evolution.edits.catalogue.registry import CATALOGUE

    prose = [part for part in cleandoc(type(CATALOGUE[kind]).__doc__ or "").split("\n\n") if part[:1] != " "]
    words = kind.replace("_", " ")
    return words[0].upper() + words[1:], " ".join(" ".join(part.split()) for part in prose[:2])


@cache
def _rule_words(code: str) -> str:
    """The rule's own summary, from ruff."""
    from ruff import find_ruff_bin

    shown = subprocess.run(
        [find_ruff_bin(), "rule", code, "--output-format", "json"], capture_output=True, check=False, text=True
    )
    try:
        rule = json.loads(shown.stdout)
    except ValueError:
        return ""
    return f"{rule.get('name', code)}: {rule.get('summary', '')}".strip()
