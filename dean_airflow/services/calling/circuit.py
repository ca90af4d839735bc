"""How a circuit changes: closed → open after failures, → half-open after a while, → closed after good probes.

Plain functions from one state to the next: when it is, who asks and where it is kept is for the caller to know.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from dean_airflow.services.endpoint import BreakerLimits
from dean_airflow.store.circuits import Circuit

Admission = Literal["pass", "probe", "refuse"]

CLOCK_SLACK = timedelta(seconds=5)
"""A circuit opened further in the future than this was opened by a clock that was wrong: it is tried again now."""


def limits_of(circuit: Circuit, own: BreakerLimits) -> BreakerLimits:
    """The endpoint's limits, those set from the command line instead where there are any."""
    return replace(
        own,
        failures=circuit.failure_limit or own.failures,
        successes=circuit.success_limit or own.successes,
        open_seconds=circuit.open_seconds or own.open_seconds,
    )


def admit(circuit: Circuit, limits: BreakerLimits, now: datetime) -> Admission:
    """Whether a call may pass, may pass as the probe if it gets it (`start_probe`), or is refused."""
    if circuit.state == "closed":
        return "pass"
    if circuit.state == "open":
        return "refuse" if seconds_left(circuit, limits, now) > 0 else "probe"
    busy = circuit.probe_until is not None and now < circuit.probe_until
    return "refuse" if busy else "probe"


def seconds_left(circuit: Circuit, limits: BreakerLimits, now: datetime) -> float:
    """Until an open circuit is tried again, or a half-open one's probe must have ended; 0 where there is no need."""
    if circuit.state == "open" and circuit.opened_at is not None:
        if circuit.opened_at > now + CLOCK_SLACK:
            return 0.0
        return max(0.0, (circuit.opened_at - now).total_seconds() + limits.open_seconds)
    if circuit.state == "half_open" and circuit.probe_until is not None:
        return max(0.0, (circuit.probe_until - now).total_seconds())
    return 0.0


def start_probe(circuit: Circuit, limits: BreakerLimits, now: datetime, who: str, seconds: float) -> Circuit | None:
    """Half-open with `who` as the probe, which holds it for `seconds` at most; None where another one has it."""
    if admit(circuit, limits, now) != "probe":
        return None
    successes = circuit.successes if circuit.state == "half_open" else 0
    return replace(
        circuit, state="half_open", successes=successes, probe_by=who, probe_until=now + timedelta(seconds=seconds)
    )


def end_probe(circuit: Circuit, who: str) -> Circuit | None:
    """The probe proved nothing (cancelled, refused by the service): the next call may be one."""
    if circuit.state != "half_open" or circuit.probe_by != who:
        return None
    return replace(circuit, probe_by=None, probe_until=None)


def after_success(circuit: Circuit, limits: BreakerLimits, who: str | None) -> Circuit | None:
    """`who` is set for a probe; None where nothing changes."""
    if circuit.state == "closed":
        return replace(circuit, failures=0) if circuit.failures else None
    if circuit.state == "half_open" and who is not None and circuit.probe_by == who:
        successes = circuit.successes + 1
        if successes >= limits.successes:
            return _closed(circuit)
        return replace(circuit, successes=successes, probe_by=None, probe_until=None)
    return None  # an answer to a call that went out before the circuit opened


def after_failure(
    circuit: Circuit, limits: BreakerLimits, now: datetime, reason: str, who: str | None
) -> Circuit | None:
    """`who` is set for a probe; None where nothing changes."""
    failed = replace(circuit, last_failure=reason, last_failure_at=now, failures=circuit.failures + 1)
    if circuit.state == "closed":
        return _opened(failed, now) if failed.failures >= limits.failures else failed
    if circuit.state == "half_open" and who is not None and circuit.probe_by == who:
        return _opened(failed, now)
    return None


def _opened(circuit: Circuit, now: datetime) -> Circuit:
    return replace(circuit, state="open", opened_at=now, successes=0, probe_by=None, probe_until=None)


def _closed(circuit: Circuit) -> Circuit:
    return replace(circuit, state="closed", failures=0, successes=0, opened_at=None, probe_by=None, probe_until=None)
