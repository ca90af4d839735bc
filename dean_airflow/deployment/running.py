"""Runs checks so that none hides another: a failing one is reported, a slow one is left behind at its deadline."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dean_airflow.deployment.checks.registry import Check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.finding import Finding, NotChecked
from dean_airflow.deployment.probes.probes import Probes

PROBE_SECONDS = 8.0
IMPORT_SECONDS = 75.0
_IMPORTING = frozenset({"dag_imports", "module_imports"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """`reason` is why a check could not be made; findings made before that stand."""

    check: Check
    findings: tuple[Finding, ...]
    reason: str = ""


def run_checks(deployment: Deployment, checks: list[Check], probes: Probes | None) -> list[Outcome]:
    """Every check's outcome, in the order given. Probes run side by side; without `probes` they are not checked."""
    waiting: dict[int, queue.SimpleQueue[Outcome]] = {}
    for number, check in enumerate(checks):
        if check.probe and probes is not None:
            waiting[number] = _started(check, lambda c=check: c.run(deployment, probes))  # type: ignore[misc]
        elif check.name in _IMPORTING:
            waiting[number] = _started(check, lambda c=check: c.run(deployment))  # type: ignore[misc]
    begun = time.monotonic()
    outcomes = []
    for number, check in enumerate(checks):
        if number in waiting:
            allowed = IMPORT_SECONDS if check.name in _IMPORTING else PROBE_SECONDS
            outcomes.append(_awaited(check, waiting[number], begun + allowed))
        elif check.probe:
            outcomes.append(Outcome(check, (), "probes were not asked for"))
        else:
            outcomes.append(_outcome(check, lambda c=check: c.run(deployment)))  # type: ignore[misc]
    return outcomes


def _started(check: Check, work: Callable[[], object]) -> queue.SimpleQueue[Outcome]:
    """Runs in a thread that nobody waits for at the end: a hung probe must not hold the process."""
    answer: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_outcome(check, work)), name=f"check {check.name}", daemon=True).start()
    return answer


def _awaited(check: Check, answer: queue.SimpleQueue[Outcome], until: float) -> Outcome:
    try:
        return answer.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        return Outcome(check, (), "it did not answer within its deadline")


def _outcome(check: Check, work: Callable[[], object]) -> Outcome:
    findings: list[Finding] = []
    try:
        for hit in work():  # type: ignore[attr-defined]
            findings.append(check.finding(hit))  # noqa: PERF401 - what came before a failure stands
    except NotChecked as reason:
        return Outcome(check, tuple(findings), str(reason))
    except Exception as error:  # a check's own fault must not hide what the others found
        _log.exception("The check %s (%s) failed", check.id, check.name)
        return Outcome(check, tuple(findings), f"the check itself failed ({type(error).__name__})")
    return Outcome(check, tuple(findings))
