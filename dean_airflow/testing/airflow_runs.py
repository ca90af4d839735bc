"""What the Airflow stub knows: its users' tokens, its DAGs, and their runs on the way through a scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dean_airflow.services.contract.airflow import Dag, DagRun, DagTag, RunState, TaskInstance, TriggerRun
from dean_airflow.testing.scenario import Scenario, StepName


@dataclass
class StubDag:
    """A DAG. A run without one of the `required` params is refused with 400."""

    dag_id: str
    tasks: tuple[str, ...] = ("work",)
    required: tuple[str, ...] = ()
    is_paused: bool = False
    has_import_errors: bool = False
    tags: tuple[str, ...] = ()
    runs: dict[str, StubRun] = field(default_factory=dict)

    def shown(self) -> Dag:
        return Dag(
            dag_id=self.dag_id,
            is_paused=self.is_paused,
            has_import_errors=self.has_import_errors,
            tags=[DagTag(name=name) for name in self.tags],
            owners=["airflow"],
        )


SHIPPED = (
    StubDag(
        "dean_evolution_trial",
        ("preflight", "open_trial", "evolve_island", "confirm_champion", "validate_champion", "publish",
         "catalogue_patterns", "close_trial"),
        required=("repository",),
        tags=("dean",),
    ),
    StubDag("dean_remote_trial", ("run_trial",), required=("repository",), tags=("dean",)),
    StubDag("dean_scheduled_trials", ("trials",), tags=("dean",)),
    StubDag("dean_maintenance", ("maintain",), tags=("dean",)),
)  # fmt: skip
"""The DAGs of a stub that was given none."""


@dataclass
class StubTask:
    task_id: str
    state: str | None = None
    try_number: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None


class StubRun:
    """A run: `start` takes it from queued to running, a `generation` lets one more task succeed, then the end."""

    def __init__(
        self, dag: StubDag, run_id: str, body: TriggerRun, scenario: Scenario, now: Callable[[], datetime]
    ) -> None:
        self._now, self._dag, self.scenario = now, dag, scenario
        self.run_id, self.conf, self.note, self.logical_date = run_id, body.conf, body.note, body.logical_date
        self.queued_at = now()
        self.run_after = body.run_after or self.queued_at
        self.state: RunState = "queued"
        self.start_date: datetime | None = None
        self.end_date: datetime | None = None
        self.tasks = [StubTask(task_id) for task_id in dag.tasks]

    def apply(self, step: StepName) -> None:
        """One step of its scenario."""
        if step == "start":
            self.state, self.start_date = "running", self._now()
            self._begin_next()
        elif step == "generation":
            self._end_current("success")
            self._begin_next()
        elif step == "complete":
            while self._end_current("success"):
                self._begin_next()
            self._end("success")
        elif step == "fail":
            self._end_current("failed")
            self._end("failed")

    def set_state(self, state: RunState) -> None:
        """As an operator's mark: what has not run is skipped, what runs ends so."""
        if state == "failed":
            self._end_current("failed")
        for task in self.tasks:
            if task.state is None:
                task.state = "skipped" if state == "failed" else state
        self._end(state) if state != "queued" else self.clear(only_failed=False)

    def clear(self, only_failed: bool) -> list[StubTask]:
        """Queues again what ran (or what failed or was never reached); returns those tasks."""
        cleared = self.clearable(only_failed)
        for task in cleared:
            task.state = task.start_date = task.end_date = None
        self.state, self.start_date, self.end_date = "queued", None, None
        return cleared

    def clearable(self, only_failed: bool) -> list[StubTask]:
        """What `clear` would queue again."""
        return [task for task in self.tasks if not (only_failed and task.state in ("success", None))]

    def shown(self) -> DagRun:
        return DagRun(
            dag_run_id=self.run_id,
            dag_id=self._dag.dag_id,
            state=self.state,
            logical_date=self.logical_date,
            run_after=self.run_after,
            queued_at=self.queued_at,
            start_date=self.start_date,
            end_date=self.end_date,
            duration=_seconds(self.start_date, self.end_date),
            run_type="manual",
            triggered_by="rest_api",
            conf=self.conf,
            note=self.note,
        )

    def shown_tasks(self) -> list[TaskInstance]:
        return [
            TaskInstance(
                task_id=task.task_id,
                dag_id=self._dag.dag_id,
                dag_run_id=self.run_id,
                state=task.state,
                try_number=task.try_number,
                max_tries=0,
                start_date=task.start_date,
                end_date=task.end_date,
                duration=_seconds(task.start_date, task.end_date),
                operator="PythonOperator",
                pool="default_pool",
                queue="default",
            )
            for task in self.tasks
        ]

    def _begin_next(self) -> None:
        task = next((task for task in self.tasks if task.state is None), None)
        if task is not None:
            task.state, task.start_date = "running", self._now()
            task.try_number += 1

    def _end_current(self, state: str) -> bool:
        task = next((task for task in self.tasks if task.state == "running"), None)
        if task is not None:
            task.state, task.end_date = state, self._now()
        return task is not None

    def _end(self, state: RunState) -> None:
        for task in self.tasks:
            if task.state is None:
                task.state = "upstream_failed" if state == "failed" else "success"
        self.state, self.end_date = state, self._now()
        self.start_date = self.start_date or self.end_date


@dataclass
class Tokens:
    """Access tokens that were given out. `life` in seconds."""

    now: Callable[[], datetime]
    life: float
    given: dict[str, datetime] = field(default_factory=dict)
    """When each expires."""

    def add(self, token: str) -> None:
        self.given[token] = self.now() + timedelta(seconds=self.life)

    def expire(self) -> None:
        """All tokens so far have expired."""
        self.given = dict.fromkeys(self.given, self.now())

    def fault_of(self, token: str) -> int | None:
        """401 for an expired token, 403 for one that never was; None for a good one."""
        expiry = self.given.get(token)
        if expiry is None:
            return 403
        return 401 if self.now() >= expiry else None


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None
