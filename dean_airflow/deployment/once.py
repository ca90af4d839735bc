"""One defect gives one finding: where two checks see the same one, the more exact of them speaks."""

from __future__ import annotations

from collections.abc import Iterable

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
    "M38": frozenset({"M21", "M25", "M31", "M35", "M39", "M67"}),
    "M41": frozenset({"M31", "M68"}),
    "M44": frozenset({"M04", "M05", "M45", "M54"}),
    "M67": frozenset({"M35"}),
}
_OF_UNREADABLE = frozenset({"M04", "M05", "M09", "M44"})
_OF_UNSET = frozenset({"M10", "M11", "M12", "M81", "M84"})


def once(deployment: Deployment, findings: Iterable[Finding]) -> list[Finding]:
    """The findings without repetitions and consequences, worst first, then by id and place."""
    compose = {layer.name for layer in [*deployment.compose.layers, *deployment.compose.included]}
    by_key: dict[tuple[str, Place, str], Finding] = {}
    for finding in findings:
        # what several services share through an anchor or `extends` is written, and wrong, once
        shared = finding.place.file in compose and finding.place.line is not None
        by_key.setdefault((finding.id, finding.place, "" if shared else finding.what), finding)
    unique = list(by_key.values())
    at: dict[tuple[str, int | None], set[str]] = {}
    for finding in unique:
        at.setdefault((finding.place.file, finding.place.line), set()).add(finding.id)
    unreadable = {finding.place.file for finding in unique if finding.id == "M02"}
    unset = {reference.place for reference in deployment.compose.references if reference.use.outcome == "unset"}
    kept = [
        finding
        for finding in unique
        if not _SILENCED_BY.get(finding.id, frozenset()) & at[(finding.place.file, finding.place.line)]
        and not (finding.place.file in unreadable and finding.id in _OF_UNREADABLE)
        and not (finding.place in unset and finding.id not in _OF_UNSET)
    ]
    return sorted(kept, key=lambda f: (f.severity != "error", f.id, f.place.file, f.place.line or 0))
