"""One defect gives one finding: where two checks see the same one, the more exact of them speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.finding import Finding
from dean_airflow.deployment.place import Place

_SILENCED_BY: dict[str, frozenset[str]] = {
    # at the same place: the finding on the left is a consequence of one on the right
    "M14": frozenset({"M13", "M15"}),
    "M21": frozenset({"M13", "M25", "M39"}),
    "M23": frozenset({"M24", "M25", "M35"}),
    "M24": frozenset({"M25", "M35", "M13"}),
    "M31": frozenset({"M25", "M21"}),
    "M38": frozenset({"M21", "M24", "M25", "M31", "M35", "M39", "M67"}),
    "M41": frozenset({"M31", "M68"}),
    "M44": frozenset({"M04", "M05", "M45", "M54"}),
    "M67": frozenset({"M35"}),
}
_OF_UNREADABLE = frozenset({"M04", "M05", "M09", "M44"})
_BREAKS = frozenset({"M02", "M04"})
_OF_WHOLE_PROJECTS = frozenset({"M11", "M46", "M47", "M54", "M81", "M97"})
"""What is found absent where a compose file cannot be read may stand in that file."""

_OF_BASES = frozenset({"M10", "M44", "M47", "M48", "M49", "M77"})
"""What an override that is used alone lacks, and the paths that it would have with the base file."""

_OF_UNSET = frozenset({"M10", "M11", "M12", "M81", "M84"})


_LONGEST = 500
"""Characters of a sentence, whatever names and values of the deployment it repeats."""


def _plain(text: str) -> str:
    """One line that every terminal and every JSON reader takes."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"


def once(deployment: Deployment, findings: Iterable[Finding]) -> list[Finding]:
    """The findings without repetitions and consequences, worst first, then by id and place."""
    compose_files = {problem.place.file for problem in deployment.compose.problems}
    compose = {layer.name for layer in deployment.compose.every}
    by_key: dict[tuple[str, Place, str], Finding] = {}
    for found in findings:
        plain = found.what.isprintable() and len(found.what) <= _LONGEST
        finding = found if plain else replace(found, what=_plain(found.what))
        # what several services share through an anchor or `extends` is written, and wrong, once
        shared = finding.place.file in compose and finding.place.line is not None
        by_key.setdefault((finding.id, finding.place, "" if shared else finding.what), finding)
    unique = list(by_key.values())
    at: dict[tuple[str, int | None], set[str]] = {}
    for finding in unique:
        at.setdefault((finding.place.file, finding.place.line), set()).add(finding.id)
    unreadable = {finding.place.file for finding in unique if finding.id == "M02"}
    broken = any(finding.place.file in compose_files and finding.id in _BREAKS for finding in unique)
    alone = any(finding.id == "M54" for finding in unique)
    unset = {reference.place for reference in deployment.compose.references if reference.use.outcome == "unset"}
    kept = [
        finding
        for finding in unique
        if not _SILENCED_BY.get(finding.id, frozenset()) & at[(finding.place.file, finding.place.line)]
        and not (finding.place.file in unreadable and finding.id in _OF_UNREADABLE)
        and not (broken and finding.id in _OF_WHOLE_PROJECTS)
        and not (alone and finding.id in _OF_BASES)
        and not (finding.place in unset and finding.id not in _OF_UNSET)
    ]
    return sorted(kept, key=lambda f: (f.severity != "error", f.id, f.place.file, f.place.line or 0))
