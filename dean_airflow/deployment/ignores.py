"""Findings that a deployment accepts for a while: each with a reason and a day on which that ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.finding import Finding
from dean_airflow.deployment.result import Ignored


@dataclass(frozen=True)
class _Entry:
    id: str
    file: str
    line: str
    reason: str
    until: date


def apply_ignores(deployment: Deployment, findings: list[Finding]) -> tuple[list[Finding], list[Ignored]]:
    """The findings that count, and those taken out.

    An entry of `ignores` in dean-deployment.yaml names `id`, `reason` and `until` (a day, the last on which it holds),
    and may name `file` and `line`. One without reason or end takes nothing out and is an error itself, as is one whose
    day has passed while its finding is still there.
    """
    entries, broken = _entries(deployment)
    counted: list[Finding] = list(broken)
    ignored: list[Ignored] = []
    for finding in findings:
        entry = next((each for each in entries if _matches(each, finding)), None)
        if entry is None:
            counted.append(finding)
        else:
            ignored.append(Ignored(finding, entry.reason, entry.until.isoformat()))
    return counted, ignored


def _entries(deployment: Deployment) -> tuple[list[_Entry], list[Finding]]:
    entries, broken = [], []
    for node in deployment.file.entries("ignores"):
        texts = {name: child.text for name, child in node.items()}
        missing = [name for name in ("id", "reason", "until") if not texts.get(name, "").strip()]
        until = _day(texts.get("until", ""))
        if missing or until is None:
            what = (
                f"has no {' and no '.join(missing)}" if missing else "has an `until` that is no day such as 2026-12-31"
            )
            broken.append(_finding(node, f"An entry of `ignores` {what}; it takes nothing out."))
        elif until >= deployment.now.date():
            entries.append(_Entry(texts["id"], texts.get("file", ""), texts.get("line", ""), texts["reason"], until))
    return entries, broken


def _finding(node: Node, what: str) -> Finding:
    why = "Without a reason and an end an exception is for ever, and nobody knows why."
    return Finding("M44", "error", node.place, what, why, "Give it id, reason and until.")


def _matches(entry: _Entry, finding: Finding) -> bool:
    if entry.id != finding.id or (entry.file and entry.file != finding.place.file):
        return False
    return not entry.line or entry.line == str(finding.place.line or "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
