"""What each route asks of a caller, written down a second time: one that is not here, or asks for less, is found."""

from __future__ import annotations

READ, RUN, USER = ("viewer", "user", "admin", "service"), ("user", "admin", "service"), ("user", "admin")
ROLES = ("viewer", "user", "admin", "service", "stranger")
ANYONE = None

MATRIX: dict[str, dict[str, tuple[str, ...] | None]] = {
    "evolution": {
        "GET /health": ANYONE,
        "POST /evolution/start": RUN,
        "GET /evolution/{trial_id}/status": READ,
        "POST /evolution/{trial_id}/cancel": RUN,
        "GET /evolution/trials": READ,
        "GET /evolution/results": READ,
        "GET /evolution/metrics": READ,
        "GET /evolution/status": READ,
        "GET /patterns": READ,
        "GET /metrics": READ,
        "GET /diversity/metrics": READ,
        "POST /diversity/agents/register": RUN,
        "POST /diversity/check": READ,
        "POST /diversity/interventions/check": READ,
        "POST /diversity/interventions/apply": USER,
    },
    "indexagent": {
        "GET /health": ANYONE,
        "GET /agents": READ,
        "POST /agents": RUN,
        "GET /agents/{agent_id}": READ,
        "PATCH /agents/{agent_id}": USER,
        "DELETE /agents/{agent_id}": RUN,
        "GET /agents/{agent_id}/genome": READ,
        "GET /agents/{agent_id}/lineage": READ,
        "POST /evolution/population": RUN,
        "POST /evolution/generation": RUN,
        "GET /evolution/metrics": READ,
        "GET /metrics": READ,
        "POST /search": READ,
        "GET /search/index/status": READ,
        "POST /search/index/trigger": RUN,
        "GET /patterns": READ,
        "POST /patterns/apply": RUN,
    },
}
