"""What `AirflowClient` needs of Airflow's REST API v2."""

from __future__ import annotations

from typing import Any

from pact import match

from dean_airflow.services.contract.airflow import RunState
from dean_airflow.services.credentials import AirflowLogin
from dean_airflow.services.errors import AuthenticationError, DagPaused, NotFound, RejectedRequest
from dean_airflow.services.pool import ServicePool

from .agreement import TIME, Agreement, Exchange, error, one_of

USER, PASSWORD = "dean", "contract-password-1"
DAG, PAUSED, STRICT = "dean_maintenance", "dean_scheduled_trials", "dean_evolution_trial"
RUN = "dean__trial-00000000c0de__1"
_STATES: tuple[RunState, ...] = ("queued", "running", "success", "failed")
A_DAG = ("a DAG that is not paused", {"dag_id": DAG})
A_RUN = ("a run", {"dag_id": DAG, "run_id": RUN})
NO_RUN = ("no such run", {"dag_id": DAG, "run_id": RUN})

_A_DAG: dict[str, Any] = {
    "dag_id": match.like(DAG),
    "is_paused": match.bool(False),
    "is_stale": match.bool(False),
    "has_import_errors": match.bool(False),
    "tags": match.each_like({"name": match.like("dean")}, min=1),
    "owners": match.each_like("airflow", min=1),
}
_A_RUN: dict[str, Any] = {
    "dag_run_id": RUN,
    "dag_id": DAG,
    "state": one_of(_STATES),
    "run_after": TIME,
    "queued_at": TIME,
    "run_type": "manual",
    "conf": match.like({}),
}

LOGIN = Exchange(
    "a login", "POST", "/auth/token", 201, authenticated=False,
    asked={"username": USER, "password": PASSWORD}, answer={"access_token": match.like("a.b.c")},
)  # fmt: skip
WRONG_LOGIN = Exchange(
    "a login with a wrong password", "POST", "/auth/token", 401, authenticated=False,
    asked={"username": USER, "password": "wrong"}, answer={"detail": match.like("Invalid credentials")},
)  # fmt: skip
HEALTH = Exchange(
    "a request for Airflow's health", "GET", "/api/v2/monitor/health", authenticated=False,
    answer={"metadatabase": {"status": "healthy"}, "scheduler": match.like({}), "triggerer": match.like({})},
)  # fmt: skip
DAGS = Exchange(
    "a request for the DAGs with a tag", "GET", "/api/v2/dags", given=[A_DAG],
    query={"limit": "100", "offset": "0", "tags": "dean"},
    answer={"dags": match.each_like(_A_DAG, min=1), "total_entries": match.int(1)},
)  # fmt: skip
ONE_DAG = Exchange(
    "a request for a DAG", "GET", f"/api/v2/dags/{DAG}", given=[A_DAG], answer={**_A_DAG, "is_paused": False}
)  # fmt: skip
PAUSED_DAG = Exchange(
    "a request for a DAG that is paused", "GET", f"/api/v2/dags/{PAUSED}",
    given=[("a DAG that is paused", {"dag_id": PAUSED})], answer={**_A_DAG, "dag_id": PAUSED, "is_paused": True},
)  # fmt: skip
STRICT_DAG = Exchange(
    "a request for a DAG with a required param", "GET", f"/api/v2/dags/{STRICT}",
    given=[("a DAG that is not paused", {"dag_id": STRICT})], answer={**_A_DAG, "dag_id": STRICT, "is_paused": False},
)  # fmt: skip
NO_DAG = Exchange("a request for a DAG that there is not", "GET", "/api/v2/dags/nowhere", 404, answer=error())
PAUSE = Exchange(
    "a request to pause a DAG", "PATCH", f"/api/v2/dags/{DAG}", given=[A_DAG],
    asked={"is_paused": True}, answer={**_A_DAG, "is_paused": True},
)  # fmt: skip
TRIGGER = Exchange(
    "a trigger of a run", "POST", f"/api/v2/dags/{DAG}/dagRuns", given=[A_DAG, NO_RUN],
    asked={"logical_date": None, "dag_run_id": RUN, "conf": {}, "note": "from a contract test"},
    answer={**_A_RUN, "state": "queued", "logical_date": None, "note": "from a contract test"},
)  # fmt: skip
TRIGGER_AGAIN = Exchange(
    "a trigger of a run that there is already", "POST", f"/api/v2/dags/{DAG}/dagRuns", 409, given=[A_DAG, A_RUN],
    asked={"logical_date": None, "dag_run_id": RUN, "conf": {}, "note": None},
    answer={"detail": match.like({"reason": "Unique constraint violation"})},
)  # fmt: skip
TRIGGER_WITHOUT = Exchange(
    "a trigger without a required param", "POST", f"/api/v2/dags/{STRICT}/dagRuns", 400,
    given=[("a DAG that is not paused", {"dag_id": STRICT})],
    asked={"logical_date": None, "dag_run_id": RUN, "conf": {}, "note": None}, answer=error(),
)  # fmt: skip
A_RUN_READ = Exchange(
    "a request for a run", "GET", f"/api/v2/dags/{DAG}/dagRuns/{RUN}", given=[A_RUN], answer=_A_RUN
)  # fmt: skip
NO_RUN_READ = Exchange(
    "a request for a run that there is not", "GET", f"/api/v2/dags/{DAG}/dagRuns/nothing", 404, answer=error()
)  # fmt: skip
RUNS = Exchange(
    "a request for the queued runs of a DAG", "GET", f"/api/v2/dags/{DAG}/dagRuns", given=[A_RUN],
    query={"limit": "100", "offset": "0", "state": "queued", "order_by": "-run_after"},
    answer={"dag_runs": match.each_like({**_A_RUN, "state": "queued"}, min=1), "total_entries": match.int(1)},
)  # fmt: skip
STOP = Exchange(
    "a request to stop a run", "PATCH", f"/api/v2/dags/{DAG}/dagRuns/{RUN}", given=[A_RUN],
    asked={"state": "failed", "note": "stopped"}, answer={**_A_RUN, "state": "failed", "note": "stopped"},
)  # fmt: skip
CLEAR = Exchange(
    "a request to run a run again", "POST", f"/api/v2/dags/{DAG}/dagRuns/{RUN}/clear", given=[A_RUN],
    asked={"dry_run": False, "only_failed": True}, answer={**_A_RUN, "state": "queued"},
)  # fmt: skip
TASKS = Exchange(
    "a request for the task instances of a run", "GET", f"/api/v2/dags/{DAG}/dagRuns/{RUN}/taskInstances",
    given=[A_RUN], query={"limit": "100", "offset": "0"},
    answer={
        "task_instances": match.each_like(
            {
                "task_id": match.like("maintain"), "dag_id": DAG, "dag_run_id": RUN, "map_index": match.int(-1),
                "try_number": match.int(0), "max_tries": match.int(0), "pool": match.like("default_pool"),
            },
            min=1,
        ),
        "total_entries": match.int(1),
    },
)  # fmt: skip
POOLS = Exchange(
    "a request for the pools", "GET", "/api/v2/pools",
    answer={"pools": match.each_like({"name": match.like("default_pool"), "slots": match.int(128)}, min=1),
            "total_entries": match.int(1)},
)  # fmt: skip


def logging_in(password: str) -> AirflowLogin:
    return AirflowLogin(USER, password)


async def _trigger(pool: ServicePool, dag_id: str, note: str | None = None) -> Any:
    return await pool.airflow.trigger(dag_id, run_id=RUN, note=note)


AGREEMENTS = [
    Agreement([POOLS, LOGIN], lambda pool: pool.airflow.get("pools"), credential=logging_in(PASSWORD)),
    Agreement(
        [WRONG_LOGIN],
        lambda pool: pool.airflow.get("pools"),
        credential=logging_in("wrong"),
        refused=AuthenticationError,
    ),
    Agreement([HEALTH], lambda pool: pool.airflow.health(), lambda health: health.error is None),
    Agreement([DAGS], lambda pool: pool.airflow.dags(tags=["dean"]), lambda page: page.dags[0].dag_id == DAG),
    Agreement([ONE_DAG], lambda pool: pool.airflow.dag(DAG), lambda dag: not dag.is_paused),
    Agreement([NO_DAG], lambda pool: pool.airflow.dag("nowhere"), refused=NotFound),
    Agreement([PAUSE], lambda pool: pool.airflow.pause(DAG), lambda dag: dag.is_paused),
    Agreement(
        [ONE_DAG, TRIGGER],
        lambda pool: _trigger(pool, DAG, "from a contract test"),
        lambda run: (run.dag_run_id, run.state) == (RUN, "queued"),
    ),
    Agreement(
        [ONE_DAG, A_RUN_READ, TRIGGER_AGAIN], lambda pool: _trigger(pool, DAG), lambda run: run.dag_run_id == RUN
    ),
    Agreement([PAUSED_DAG], lambda pool: _trigger(pool, PAUSED), refused=DagPaused),
    Agreement([STRICT_DAG, TRIGGER_WITHOUT], lambda pool: _trigger(pool, STRICT), refused=RejectedRequest),
    Agreement([NO_RUN_READ], lambda pool: pool.airflow.run(DAG, "nothing"), refused=NotFound),
    Agreement([RUNS], lambda pool: pool.airflow.runs(DAG, states=["queued"]), lambda page: page.total_entries == 1),
    Agreement([STOP], lambda pool: pool.airflow.stop_run(DAG, RUN, note="stopped"), lambda run: run.state == "failed"),
    Agreement([CLEAR], lambda pool: pool.airflow.clear_run(DAG, RUN)),
    Agreement([TASKS], lambda pool: pool.airflow.task_instances(DAG, RUN), lambda tasks: len(tasks) == 1),
]
