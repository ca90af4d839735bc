"""What `EvolutionClient` and the Evolution API have agreed on."""

from __future__ import annotations

from typing import Any

from pact import match

from dean_airflow.services.contract.capabilities import IDEMPOTENCY_KEY
from dean_airflow.services.contract.trials import (
    StartTrial,
    Trial,
)
from dean_airflow.services.errors import ConflictError, NotFound, RejectedRequest

from .agreement import TIME, Agreement, Exchange, error, one_of

RUNNING, COMPLETED = "trial-00000000c0de", "trial-00000000d0e5"
REPOSITORY = "contract-repository"
A_RUNNING_TRIAL = ("a running trial", {"trial_id": RUNNING, "repository": REPOSITORY})
A_COMPLETED_TRIAL = ("a completed trial", {"trial_id": COMPLETED, "repository": REPOSITORY})

_STATUSES = ("running", "initializing", "pending", "monitoring", "completed", "failed", "cancelled")
_CONFIG = {"repository": REPOSITORY, "generations": 3, "population_size": 5, "parameters": {}}


def _trial(trial_id: str, status: Any, **more: Any) -> dict[str, Any]:
    """What is needed of a trial; `more` are further fields."""
    return {
        "trial_id": trial_id,
        "repository": match.like(REPOSITORY),
        "config": match.like({"repository": REPOSITORY}),
        "status": status,
        "started_at": TIME,
        "current_generation": match.int(1),
        "best_fitness": match.number(0.25),
        "improvements": match.like([]),
        "patterns_discovered": match.int(0),
        **more,
    }


_PATTERN: dict[str, Any] = {
    "id": match.like("pattern-00000001"),
    "trial_id": match.like(COMPLETED),
    "name": match.like("loop"),
    "type": match.like("optimization"),
    "description": match.like("What it is"),
    "confidence": match.number(0.75),
    "occurrences": match.int(1),
    "impact_score": match.number(0.25),
    "discovered_at": TIME,
    "generation": match.int(1),
    "repositories": match.each_like(REPOSITORY, min=1),
}

HEALTH = Exchange(
    "a request for Evolution's health", "GET", "/health", authenticated=False,
    answer={
        "status": one_of(("healthy", "degraded")),
        "service": "evolution",
        "version": match.like("1.0"),
        "timestamp": TIME,
        "uptime_seconds": match.int(1),
        "capabilities": match.array_containing([IDEMPOTENCY_KEY]),
        "active_trials": match.int(0),
    },
)  # fmt: skip

START = Exchange(
    "a request to start a trial", "POST", "/evolution/start", 202,
    headers={"Idempotency-Key": "contract-key-1"},
    asked={
        "repository": "https://repository.invalid/shop.git",
        "generations": 3,
        "parameters": {"request_key": "contract-key-1"},
    },
    answer=_trial(
        match.like("trial-00000000aaaa"), one_of(("initializing", "pending")),  # type: ignore[arg-type]
        config=match.like({"repository": "https://repository.invalid/shop.git",
                           "parameters": {"request_key": "contract-key-1"}}),
        current_generation=0, best_fitness=match.number(0.0),
    ),
)  # fmt: skip

START_OTHER = Exchange(
    "a request to start another trial with a key that is taken", "POST", "/evolution/start", 409,
    given=[("a trial was started with a key", {"key": "contract-key-2"})],
    headers={"Idempotency-Key": "contract-key-2"},
    asked={
        "repository": "https://repository.invalid/other.git", "generations": 2,
        "parameters": {"request_key": "contract-key-2"},
    },
    answer=error(),
)  # fmt: skip

START_NOTHING = Exchange(
    "a request to start a trial that is out of range", "POST", "/evolution/start", 422,
    headers={"Idempotency-Key": "contract-key-3"},
    asked={"repository": REPOSITORY, "generations": 101, "parameters": {"request_key": "contract-key-3"}},
    answer=error(),
)  # fmt: skip

STATUS = Exchange(
    "a request for a running trial", "GET", f"/evolution/{RUNNING}/status", given=[A_RUNNING_TRIAL],
    answer=_trial(RUNNING, "running"),
)  # fmt: skip

STATUS_COMPLETED = Exchange(
    "a request for a completed trial", "GET", f"/evolution/{COMPLETED}/status", given=[A_COMPLETED_TRIAL],
    answer=_trial(
        COMPLETED, "completed", completed_at=TIME, improvements=match.each_like(0.25, min=1),
        patterns_discovered=match.int(1),
    ),
)  # fmt: skip

STATUS_UNKNOWN = Exchange(
    "a request for a trial that there is not", "GET", "/evolution/trial-000000000000/status", 404,
    answer=error("Trial not found"),
)  # fmt: skip

CANCEL = Exchange(
    "a request to cancel a running trial", "POST", f"/evolution/{RUNNING}/cancel", given=[A_RUNNING_TRIAL],
    answer={"status": "cancelled", "trial_id": RUNNING},
)  # fmt: skip

CANCEL_ENDED = Exchange(
    "a request to cancel a trial that has ended", "POST", f"/evolution/{COMPLETED}/cancel", 400,
    given=[A_COMPLETED_TRIAL], answer=error(),
)  # fmt: skip

CANCEL_UNKNOWN = Exchange(
    "a request to cancel a trial that there is not", "POST", "/evolution/trial-000000000000/cancel", 404,
    answer=error("Trial not found"),
)  # fmt: skip

TRIALS = Exchange(
    "a request for the running trials of a repository", "GET", "/evolution/trials", given=[A_RUNNING_TRIAL],
    query={"repository": REPOSITORY, "status": "running", "limit": "5", "offset": "0"},
    answer={
        "trials": match.each_like(_trial(RUNNING, "running"), min=1),
        "total": match.int(1), "limit": 5, "offset": 0,
    },
)  # fmt: skip

NO_TRIALS = Exchange(
    "a request for the trials of a repository that has none", "GET", "/evolution/trials",
    query={"repository": "nobody", "limit": "100", "offset": "0"},
    answer={"trials": [], "total": 0, "limit": 100, "offset": 0},
)  # fmt: skip

TRIALS_OUT_OF_RANGE = Exchange(
    "a request for more trials than a page holds", "GET", "/evolution/trials", 422,
    query={"limit": "1001", "offset": "0"}, answer=error(),
)  # fmt: skip

RESULTS = Exchange(
    "a request for the best results of a repository", "GET", "/evolution/results", given=[A_COMPLETED_TRIAL],
    query={"repository": REPOSITORY, "min_fitness": "0.1", "limit": "10"},
    answer={
        "results": match.each_like(
            {
                "trial_id": COMPLETED,
                "repository": REPOSITORY,
                "status": "completed",
                "generations_completed": match.int(3),
                "final_fitness": match.number(0.5),
                "total_improvements": match.number(0.5),
                "patterns_discovered": match.each_like("pattern-00000001", min=1),
                "execution_time_seconds": match.number(1.5),
                "metadata": {"initial_fitness": match.number(0.0), "improvement_rate": match.number(0.1)},
            },
            min=1,
        ),
        "total": match.int(1),
    },
)  # fmt: skip

METRICS = Exchange(
    "a request for the figures of all trials", "GET", "/evolution/metrics", given=[A_COMPLETED_TRIAL],
    answer={
        "total_trials": match.int(1),
        "active_trials": match.int(0),
        "completed_trials": match.int(1),
        "failed_trials": match.int(0),
        "total_patterns": match.int(1),
        "average_fitness": match.number(0.512),
        "average_generations": match.number(3.0),
        "average_patterns_per_trial": match.number(1.0),
    },
)  # fmt: skip

PROMETHEUS = Exchange(
    "a request for the figures in Prometheus' text", "GET", "/metrics", headers={"Accept": "text/plain"},
    answered={"Content-Type": match.regex("text/plain; version=0.0.4", regex=r"^text/plain.*")},
)  # fmt: skip

PATTERNS = Exchange(
    "a request for the patterns of a trial", "GET", "/patterns", given=[A_COMPLETED_TRIAL],
    query={"trial_id": COMPLETED, "min_confidence": "0.0", "limit": "100", "offset": "0"},
    answer={
        "patterns": match.each_like(_PATTERN, min=1),
        "total": match.int(1),
        "types": match.each_key_matches({"optimization": 1}, rules=match.like("optimization")),
    },
)  # fmt: skip

OVERVIEW = Exchange(
    "a request for all trials at work", "GET", "/evolution/status", given=[A_RUNNING_TRIAL],
    answer={
        "active_trials": match.int(1),
        "total_agents": match.int(5),
        "generation": match.int(1),
        "service_status": match.like("healthy"),
    },
)  # fmt: skip


async def _start(pool: Any, repository: str, generations: int, key: str) -> Trial:
    config = StartTrial.model_construct(
        _fields_set={"repository", "generations"}, repository=repository, generations=generations, parameters={}
    )
    started: Trial = await pool.evolution.start(config, key=key)
    return started


AGREEMENTS = [
    Agreement([HEALTH], lambda pool: pool.evolution.health(), lambda health: health.status == "healthy"),
    Agreement(
        [START],
        lambda pool: _start(pool, "https://repository.invalid/shop.git", 3, "contract-key-1"),
        lambda trial: trial.status == "initializing" and trial.current_generation == 0,
    ),
    Agreement(
        [START_OTHER],
        lambda pool: _start(pool, "https://repository.invalid/other.git", 2, "contract-key-2"),
        refused=ConflictError,
    ),
    Agreement([START_NOTHING], lambda pool: _start(pool, REPOSITORY, 101, "contract-key-3"), refused=RejectedRequest),
    Agreement([STATUS], lambda pool: pool.evolution.trial(RUNNING), lambda trial: trial.status == "running"),
    Agreement(
        [STATUS_COMPLETED],
        lambda pool: pool.evolution.trial(COMPLETED),
        lambda trial: trial.ended and trial.completed_at is not None,
    ),
    Agreement([STATUS_UNKNOWN], lambda pool: pool.evolution.trial("trial-000000000000"), refused=NotFound),
    Agreement([CANCEL], lambda pool: pool.evolution.cancel(RUNNING), lambda done: done.trial_id == RUNNING),
    Agreement([CANCEL_ENDED], lambda pool: pool.evolution.cancel(COMPLETED), refused=RejectedRequest),
    Agreement([CANCEL_UNKNOWN], lambda pool: pool.evolution.cancel("trial-000000000000"), refused=NotFound),
    Agreement(
        [TRIALS],
        lambda pool: pool.evolution.trials(repository=REPOSITORY, status="running", limit=5),
        lambda page: [trial.trial_id for trial in page.trials] == [RUNNING],
    ),
    Agreement([NO_TRIALS], lambda pool: pool.evolution.trials(repository="nobody"), lambda page: page.total == 0),
    Agreement([TRIALS_OUT_OF_RANGE], lambda pool: pool.evolution.trials(limit=1001), refused=RejectedRequest),
    Agreement(
        [RESULTS],
        lambda pool: pool.evolution.results(repository=REPOSITORY, min_fitness=0.1, limit=10),
        lambda page: page.results[0].final_fitness == 0.5,
    ),
    Agreement([METRICS], lambda pool: pool.evolution.metrics(), lambda known: known.average_fitness == 0.512),
    Agreement([PROMETHEUS], lambda pool: pool.evolution.prometheus()),
    Agreement(
        [PATTERNS],
        lambda pool: pool.evolution.patterns(trial_id=COMPLETED, min_confidence=0.0),
        lambda page: page.patterns[0].confidence == 0.75 and page.types == {"optimization": 1},
    ),
    Agreement([OVERVIEW], lambda pool: pool.evolution.status(), lambda known: known.active_trials == 1),
]
