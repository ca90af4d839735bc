"""What DEAN needs of IndexAgent and the Evolution API, as far as a recorded interface can be held to it."""

from __future__ import annotations

Operation = tuple[str, str, frozenset[str]]
"""Method, path (ids as `{}`), and the fields a request may be asked to have."""

INDEXAGENT: tuple[Operation, ...] = (
    ("GET", "/health", frozenset()),
    ("GET", "/agents", frozenset()),
    ("POST", "/agents", frozenset({"name"})),
    ("GET", "/agents/{}", frozenset()),
    ("PATCH", "/agents/{}", frozenset()),
    ("DELETE", "/agents/{}", frozenset()),
    ("POST", "/evolution/population", frozenset()),
    ("POST", "/evolution/generation", frozenset({"population_id"})),
    ("GET", "/evolution/metrics", frozenset()),
    ("GET", "/metrics", frozenset()),
    ("POST", "/search", frozenset({"query"})),
    ("GET", "/search/index/status", frozenset()),
    ("GET", "/patterns", frozenset()),
    ("POST", "/patterns/apply", frozenset({"pattern_id", "target_agents"})),
)
EVOLUTION: tuple[Operation, ...] = (
    ("GET", "/health", frozenset()),
    ("POST", "/evolution/start", frozenset({"repository"})),
    ("GET", "/evolution/{}/status", frozenset()),
    ("POST", "/evolution/{}/cancel", frozenset()),
    ("GET", "/evolution/trials", frozenset()),
    ("GET", "/evolution/results", frozenset()),
    ("GET", "/evolution/metrics", frozenset()),
    ("GET", "/patterns", frozenset()),
)


def contract_of(service: str) -> tuple[Operation, ...]:
    """The mandatory operations of a service, by its name; none for services that are not DEAN's."""
    name = service.lower().replace("-", "").replace("_", "")
    if "indexagent" in name:
        return INDEXAGENT
    return EVOLUTION if "evolution" in name else ()
