"""Evolution in the words of the contract's own API: start, status, list, cancel. Trials are runs of Airflow's DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from dean_airflow.links import PLUGIN_PREFIX
from dean_airflow.plugin.api.common import Limit, Offset, failures
from dean_airflow.plugin.api.models import Model, Page
from dean_airflow.plugin.api.trials import Changeable, Visible, runner_of
from dean_airflow.plugin.permissions import (
    caller_of,
    may_start_trials,
    stored_of,
    token_of,
    visible_dags,
)
from dean_airflow.services.contract.airflow import run_id_of
from dean_airflow.services.contract.base import UtcTime
from dean_airflow.services.contract.trials import StartTrial, TrialStatus
from dean_airflow.services.evolution.starting import config_of, request_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.discoveries import ServedView
from dean_airflow.store.fence import UNDER_WAY
from dean_airflow.store.ids import new_trial_id
from dean_airflow.store.store import Store
from dean_airflow.store.trial_pages import TrialFilter

router = APIRouter(prefix="/orchestration/evolution", tags=["orchestration"])

GENERATIONS_SHOWN = 10


class StartedTrial(Model):
    trial_id: str
    dag_run_id: str
    status: TrialStatus
    parameters: dict[str, Any]
    message: str
    websocket_url: str


class Progress(Model):
    current_generation: int
    total_generations: int | None
    percentage: float | None


class ResourceUsage(Model):
    """Null: trials of edits from the catalogue use no tokens, and none are counted."""

    tokens_used: int | None = None
    tokens_budget: int | None = None
    tokens_remaining: int | None = None
    usage_percentage: float | None = None


class Performance(Model):
    """`active_agents`: candidates of the populations at work now."""

    best_fitness: float
    diversity_index: float | None
    patterns_discovered: int
    active_agents: int


class Timing(Model):
    """`estimated_completion` supposes that further generations take as long as those so far; a limit may end it
    sooner.
    """

    started_at: UtcTime | None
    duration_seconds: float | None
    estimated_completion: UtcTime | None


class GenerationMetrics(Model):
    """One generation over all islands that have ended it."""

    generation: int
    best_fitness: float
    average_fitness: float
    diversity: float
    evaluations: int


class BestAgent(Model):
    """`id` is island.sequence of the fittest candidate."""

    id: str
    fitness: float
    generation: int


class Status(Model):
    trial_id: str
    name: str
    status: TrialStatus
    dag_run_id: str | None
    parameters: dict[str, Any]
    progress: Progress
    resource_usage: ResourceUsage
    performance: Performance
    timing: Timing
    generation_metrics: list[GenerationMetrics]
    agent_count: int
    best_agent: BestAgent | None
    error: str | None


class ListedTrial(Model):
    trial_id: str
    name: str
    status: TrialStatus
    created_at: UtcTime
    started_at: UtcTime | None
    completed_at: UtcTime | None
    population_size: int | None
    generations: int | None
    current_generation: int
    best_fitness: float
    tokens_used: int | None
    patterns_discovered: int


class TrialList(Page):
    trials: list[ListedTrial]


class Cancelled(Model):
    trial_id: str
    status: Literal["cancelled"] = "cancelled"
    message: str


@router.post("/start", status_code=202, responses=failures(400, 409), dependencies=[Depends(may_start_trials)])
async def start(request: Request, body: StartTrial) -> StartedTrial:
    """Starts a trial as a run of `dean_evolution_trial`; 409 when that is paused."""
    stored = stored_of(request)
    config = await stored.threads(config_of, body, await stored.settings())
    trial_id = new_trial_id()
    asked = body.model_dump(mode="json", exclude_none=True)
    await (await runner_of(request)).start(trial_id, config, asked, caller_of(request), token_of(request))
    return StartedTrial(
        trial_id=trial_id,
        dag_run_id=run_id_of(trial_id),
        status="initializing",
        parameters=asked,
        message="The trial is queued; Airflow starts it.",
        websocket_url=f"{PLUGIN_PREFIX}/ws/evolution/{trial_id}",
    )


@router.get("/list", responses=failures())
async def list_trials(
    request: Request,
    visible: Annotated[frozenset[str | None], Depends(visible_dags)],
    status: Annotated[TrialStatus | None, Query()] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> TrialList:
    """The trials that the caller may see, newest first."""
    wanted = TrialFilter(visible, () if status is None else (status,))

    def read(store: Store) -> TrialList:
        page = store.trial_pages.page(wanted, order="created_at", descending=True, limit=limit, offset=offset)
        trials, total = page
        won = store.discoveries.won_in([trial.id for trial in trials])
        listed = [
            ListedTrial(
                trial_id=trial.id,
                name=name_of(trial.repository),
                status=trial.status,  # type: ignore[arg-type]
                created_at=trial.created_at,
                started_at=trial.started_at,
                completed_at=trial.completed_at,
                population_size=trial.config.get("population_size"),
                generations=trial.config.get("generations"),
                current_generation=trial.current_generation,
                best_fitness=trial.best_fitness,
                tokens_used=None,
                patterns_discovered=len(won.get(trial.id, ())),
            )
            for trial in trials
        ]
        return TrialList(trials=listed, total=total, limit=limit, offset=offset)

    return await stored_of(request)(read)


@router.get("/{trial_id}/status", responses=failures(404))
async def status(request: Request, trial: Visible) -> Status:
    """How far a trial is."""

    def read(store: Store) -> Status | None:
        view = store.discoveries.view(trial.id)
        return None if view is None else _status(store, view)

    found = await stored_of(request)(read)
    if found is None:
        raise ApiError(404, "Trial not found")
    return found


@router.post("/{trial_id}/cancel", responses=failures(400, 404, 409))
async def cancel(request: Request, trial: Changeable) -> Cancelled:
    """Sets the trial's run failed. 400, and nothing changes, for a trial that has ended."""
    if trial.is_final:
        raise ApiError(400, f"Trial {trial.id} is {trial.status} and cannot be cancelled.")
    await (await runner_of(request)).cancel(trial.id, caller_of(request), token_of(request))
    return Cancelled(trial_id=trial.id, message="The trial is cancelled; its tasks end within seconds.")


def name_of(repository: str) -> str:
    """The last part of a path or a URL."""
    return repository.rstrip("/").rpartition("/")[2].removesuffix(".git") or repository


def _status(store: Store, view: ServedView) -> Status:
    trial, now = view.trial, store.now()
    best = next(iter(store.evaluations.best(trial.id, limit=1)), None)
    config, under_way = trial.config, trial.status in UNDER_WAY
    generations = metrics_of(data for _, data in store.candidates.generations(trial.id))
    total = config.get("generations")
    done = 1.0 if trial.status == "completed" else trial.current_generation / total if total else None
    islands = store.trial_pages.within(trial.id, "opened", {"islands": ("islands",)})["islands"]
    return Status(
        trial_id=trial.id,
        name=name_of(trial.repository),
        status=trial.status,  # type: ignore[arg-type]
        dag_run_id=trial.run_id,
        parameters=view.request if view.request is not None else request_of(config),
        progress=Progress(
            current_generation=trial.current_generation,
            total_generations=total,
            percentage=None if done is None else round(min(100.0, 100 * done), 1),
        ),
        resource_usage=ResourceUsage(),
        performance=Performance(
            best_fitness=trial.best_fitness,
            diversity_index=view.diversity,
            patterns_discovered=view.patterns,
            active_agents=int(config.get("population_size") or 0) * int(islands or 1) if under_way else 0,
        ),
        timing=_timing(trial.started_at, trial.completed_at, now, done),
        generation_metrics=generations[-GENERATIONS_SHOWN:],
        agent_count=store.evaluations.count(trial.id),
        best_agent=None if best is None or best[1].evaluation.fitness <= 0 else _best(*best),
        error=trial.error,
    )


def metrics_of(told: Any) -> list[GenerationMetrics]:
    """The generations that any island has ended, each over the islands that have."""
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for data in told:
        grouped.setdefault(int(data.get("number", 0)), []).append(data)
    return [
        GenerationMetrics(
            generation=number,
            best_fitness=max(float(one.get("best_fitness", 0.0)) for one in some),
            average_fitness=_mean([float(one.get("mean_fitness", 0.0)) for one in some]),
            diversity=_mean([float(one.get("diversity", 0.0)) for one in some]),
            evaluations=sum(int(one.get("evaluations", 0)) for one in some),
        )
        for number, some in sorted(grouped.items())
    ]


def _timing(started: datetime | None, ended: datetime | None, now: datetime, done: float | None) -> Timing:
    if started is None:
        return Timing(started_at=None, duration_seconds=None, estimated_completion=None)
    seconds = max(0.0, ((ended or now) - started).total_seconds())
    estimated = None if ended is not None or not done else now + timedelta(seconds=seconds * (1 - done) / done)
    return Timing(started_at=started, duration_seconds=seconds, estimated_completion=estimated)


def _best(island: int, numbered: Any) -> BestAgent:
    return BestAgent(
        id=f"{island}.{numbered.sequence}", fitness=numbered.evaluation.fitness, generation=numbered.generation
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
