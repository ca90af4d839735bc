"""Reading answers leniently: the one place that knows what services other than ours call things.

Each function takes the JSON an answer held and gives it in the contract's words; what is not said stays unsaid, it is
never taken for zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Body = Any
Reading = Callable[[Body], Body]

_TRIAL_STATUSES = {"started": "initializing", "stopped": "cancelled", "terminated": "failed"}
_HEALTHY = ("healthy", "ok", "up")


def as_it_is(body: Body) -> Body:
    return body


def listed(name: str, entry: Reading = as_it_is) -> Reading:
    """A list object: a bare array is wrapped under `name`, and an absent `total` is the array's length."""

    def read(body: Body) -> Body:
        found = {name: body} if isinstance(body, list) else dict(body) if isinstance(body, Mapping) else body
        if isinstance(found, dict) and isinstance(found.get(name), list):
            found[name] = [entry(one) for one in found[name]]
            found.setdefault("total", len(found[name]))
        return found

    return read


def trial(body: Body) -> Body:
    """A trial: other names of its id and generation, other words for its status."""
    if not isinstance(body, Mapping):
        return body
    found = dict(body)
    _rename(found, "trial_id", "cycle_id", "job_id")
    _rename(found, "current_generation", "generation", "generations_completed")
    status = found.get("status")
    if isinstance(status, str):
        found["status"] = _TRIAL_STATUSES.get(status.lower(), status.lower())
    for name in ("improvements", "patterns_discovered", "current_generation", "best_fitness"):
        if name in found and found[name] is None:
            del found[name]
    if isinstance(found.get("patterns_discovered"), list):
        found["patterns_discovered"] = len(found["patterns_discovered"])
    return found


def started_trial(sent: Mapping[str, Any], received_at: datetime) -> Reading:
    """The answer to a start: what it does not repeat is what was sent, and it started when that was received."""

    def read(body: Body) -> Body:
        found = trial(body)
        if isinstance(found, dict) and "trial_id" in found:
            found.setdefault("repository", sent.get("repository"))
            found.setdefault("config", dict(sent))
            found.setdefault("status", "initializing")
            found.setdefault("started_at", received_at)
        return found

    return read


def result(body: Body) -> Body:
    found = dict(body) if isinstance(body, Mapping) else body
    if isinstance(found, dict):
        _rename(found, "trial_id", "cycle_id", "job_id")
        if isinstance(found.get("status"), str):
            found["status"] = _TRIAL_STATUSES.get(found["status"].lower(), found["status"].lower())
    return found


def population(body: Body) -> Body:
    """A population or generation, its figures at the top or nested below `metrics`."""
    if not isinstance(body, Mapping):
        return body
    nested = body.get("metrics")
    return {**nested, **body} if isinstance(nested, Mapping) else body


def population_metrics(body: Body) -> Body:
    """IndexAgent's metrics; the four totals may stand below `metrics` beside the counters."""
    return population(body)


def deleted(**ids: str) -> Reading:
    """The answer to a delete, which may be empty (204)."""

    def read(body: Body) -> Body:
        return {"status": "deleted", **ids} if body is None or body == {} else body

    return read


def error_detail(body: Body) -> str:
    """The sentence of an error body, whichever of the four kinds it is; empty where there is none."""
    if not isinstance(body, Mapping):
        return ""
    if "detail" in body:
        return _sentence(body["detail"])
    error = body.get("error")
    if isinstance(error, Mapping):
        return _sentence(error.get("message") or error.get("code"))
    return _sentence(body.get("message") or error)


def health_words(status: int, body: Body) -> tuple[str, str | None]:
    """What a health answer means: our word, and the service's own where it is another."""
    word = body.get("status") if isinstance(body, Mapping) else None
    text = str(word) if word is not None else None
    if not 200 <= status < 300:
        return "unhealthy", text
    services = aggregate_services(body) if text is None else {}
    if services:  # an aggregate that leaves the conclusion to its reader
        words = {name: health_words(status, one)[0] for name, one in services.items()}
        sick = [name for name, word in words.items() if word != "healthy"]
        return ("degraded", f"{', '.join(sick)} not healthy") if sick else ("healthy", None)
    lowered = (text or "").strip().lower()
    if lowered in _HEALTHY:
        return "healthy", None
    if lowered == "unhealthy":
        return "unhealthy", None
    return "degraded", text


def aggregate_services(body: Body) -> Mapping[str, Any]:
    """The services of an aggregate health, which may also be flat: `{name: {status, …}}`."""
    if not isinstance(body, Mapping):
        return {}
    nested = body.get("services")
    found = nested if isinstance(nested, Mapping) else body
    return {name: one for name, one in found.items() if isinstance(one, Mapping) and "status" in one}


def _rename(found: dict[str, Any], name: str, *others: str) -> None:
    for other in others:
        if found.get(name) is None and found.get(other) is not None:
            found[name] = found[other]


def _sentence(detail: Any) -> str:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, list):
        return "; ".join(filter(None, map(_sentence, detail)))
    if isinstance(detail, Mapping):
        where = ".".join(str(part) for part in detail.get("loc", ()) if part != "body")
        text = detail.get("msg") or detail.get("message") or detail.get("reason") or detail.get("detail")
        if text is None:
            return "; ".join(f"{name}: {value}" for name, value in detail.items())
        return f"{where}: {text}" if where else str(text)
    return "" if detail is None else str(detail)
