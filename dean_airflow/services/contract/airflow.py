"""The part of Airflow's REST API v2 that DEAN uses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dean_airflow.services.contract.base import Answer, Count, Parameters, UtcTime

RunState = Literal["queued", "running", "success", "failed"]
TERMINAL = ("success", "failed")
PAGE = 100
"""Airflow caps `limit` at this without saying so."""
LOGIN_PATH = "/auth/token"
API = "/api/v2"
HEALTH_PATH = API + "/monitor/health"


def run_id_of(trial_id: str, attempt: int = 1) -> str:
    """The id of the DAG run that a trial's attempt starts: always the same, so that starting it twice is one run."""
    return f"dean__{trial_id}__{attempt}"


Moment = Annotated[AwareDatetime, Field(strict=False)]
"""A time in a request, which JSON holds as text."""


class AirflowRequest(BaseModel):
    """Airflow refuses a body with a field it does not know."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Login(AirflowRequest):
    username: str
    password: str


class AccessToken(Answer):
    access_token: str


class ComponentHealth(Answer):
    """Airflow adds a heartbeat of its own name to each, such as `latest_scheduler_heartbeat`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    status: str | None = None


class MonitorHealth(Answer):
    """Always 200: the state is in the body."""

    metadatabase: ComponentHealth
    scheduler: ComponentHealth
    triggerer: ComponentHealth | None = None
    dag_processor: ComponentHealth | None = None


class DagTag(Answer):
    name: str


class Dag(Answer):
    dag_id: str
    is_paused: bool
    is_stale: bool = False
    has_import_errors: bool = False
    timetable_summary: str | None = None
    tags: list[DagTag] = Field(default_factory=list)
    owners: list[str] = Field(default_factory=list)
    description: str | None = None


class DagList(Answer):
    dags: list[Dag]
    total_entries: Count


class PauseDag(AirflowRequest):
    """PATCH /api/v2/dags/{id}."""

    is_paused: bool


class TriggerRun(AirflowRequest):
    """POST /api/v2/dags/{id}/dagRuns. `logical_date` must be present, and may be null."""

    logical_date: Moment | None
    dag_run_id: Annotated[str, Field(max_length=250)] | None = None
    run_after: Moment | None = None
    conf: Parameters = Field(default_factory=dict)
    note: Annotated[str, Field(max_length=1000)] | None = None
    partition_key: str | None = None
    data_interval_start: Moment | None = None
    data_interval_end: Moment | None = None


class DagRun(Answer):
    dag_run_id: str
    dag_id: str
    state: RunState
    logical_date: UtcTime | None = None
    run_after: UtcTime
    queued_at: UtcTime | None = None
    start_date: UtcTime | None = None
    end_date: UtcTime | None = None
    duration: float | None = None
    run_type: str
    triggered_by: str | None = None
    conf: Parameters | None = None
    note: str | None = None
    dag_versions: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL


class DagRunList(Answer):
    dag_runs: list[DagRun]
    total_entries: Count


class ChangeRun(AirflowRequest):
    """PATCH …/dagRuns/{run_id}; `failed` stops a run."""

    state: Literal["queued", "success", "failed"] | None = None
    note: Annotated[str, Field(max_length=1000)] | None = None


class ClearRun(AirflowRequest):
    """POST …/dagRuns/{run_id}/clear; `only_failed` resumes where it failed."""

    dry_run: bool = True
    only_failed: bool = False


class TaskInstance(Answer):
    task_id: str
    dag_id: str
    dag_run_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int
    max_tries: int
    start_date: UtcTime | None = None
    end_date: UtcTime | None = None
    duration: float | None = None
    operator: str | None = None
    pool: str | None = None
    queue: str | None = None


class TaskInstanceList(Answer):
    task_instances: list[TaskInstance]
    total_entries: Count


class ConnectionPassword(AirflowRequest):
    """PATCH /api/v2/connections/{id}, with `password` as its update mask."""

    connection_id: str
    conn_type: str
    password: str = Field(repr=False)
