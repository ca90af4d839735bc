"""Evolves one island; a repeated call goes on where the record ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from dean_airflow.errors import DeanError, LeaseLost, StoreError, TrialCancelled
from dean_airflow.evolution.baseline.record import baseline_from_json
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.core import reserved_core
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.judge.team import assemble
from dean_airflow.evolution.search.island import Exchange, Generation, Island
from dean_airflow.evolution.search.recorder import Allowance, Judges, Recorder
from dean_airflow.evolution.workplace import Workplace, workplace
from dean_airflow.metrics.trials import IslandFigures, IslandMetrics
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.leases import Lease

LEASE = timedelta(seconds=30)


def evolve_island(
    trial_id: str,
    island: int,
    engine: Engine,
    stop: Callable[[], bool] = lambda: False,
    judge: Judges | None = None,
) -> dict[str, Any]:
    """Runs the island to its end: `island, evaluations, best_fitness, stop_reason, generations`.

    `judge` replaces the judge by one of the caller's (an evaluator of the target's own, or a deterministic one).
    Raises TrialCancelled, LeaseLost, LeaseHeld, StoreError, SandboxError, InstallError.
    """
    engine.take_up(trial_id)
    known = engine.store.documents.get(trial_id, f"island-{island}")
    if known is not None:
        done: dict[str, Any] = known
        return done
    with (
        workplace(trial_id, engine) as place,
        reserved_core(engine.settings.cache_dir) as core,
        _lease(trial_id, island, engine) as (lease, lost),
    ):
        opened = engine.store.documents.get(trial_id, "opened")
        team = None if judge is not None else assemble(place, opened, core)
        try:
            result = _run(trial_id, island, engine, place, opened, judge or team, lease, lambda: stop() or lost())
        finally:
            if team is not None:
                team.close()
    engine.store.documents.put(trial_id, f"island-{island}", result)
    engine.progress(
        f"Island {island}: {result['evaluations']} candidates judged, best fitness {result['best_fitness']:.3f}, "
        f"stopped by {result['stop_reason']}."
    )
    return result


def _run(
    trial_id: str,
    number: int,
    engine: Engine,
    place: Workplace,
    opened: dict[str, Any],
    judge: Any,
    lease: Lease,
    stop: Callable[[], bool],
) -> dict[str, Any]:
    store = engine.store
    baseline = baseline_from_json(opened["baseline"])
    metrics = IslandMetrics(store, trial_id, number, engine.progress)
    injected = 0

    def figures() -> IslandFigures:
        return figures_of(recorder, injected)

    def keep(sequence: int, generation: int, evaluation: Evaluation) -> None:
        store.evaluations.add(lease, [NumberedEvaluation(sequence, generation, evaluation)])
        metrics.candidate(figures)
        if stop():
            raise TrialCancelled(f"Trial {trial_id} was stopped.")

    def offer(generation: int, genome: Genome, fitness: float) -> None:
        store.migrants.offer(lease, generation, [str(edit) for edit in genome], fitness)

    def take(generation: int) -> Genome | None:
        migrant = store.migrants.take(lease, generation)
        return None if migrant is None else tuple(Edit.parse(text) for text in migrant.genome)

    def on_generation(generation: Generation) -> None:
        nonlocal injected
        injected += generation.injected
        if not recorder.replaying:
            metrics.generation(generation.number, generation.mean_fitness, generation.diversity, figures())
        data = {**asdict(generation), "island": number}
        store.events.append(trial_id, "generation", data, key=f"generation-{number}-{generation.number}")
        store.trials.progress(lease, generation.number, generation.best_fitness)
        engine.progress(
            f"Island {number}, generation {generation.number}: best fitness {generation.best_fitness:.3f}, "
            f"diversity {generation.diversity:.2f}, {generation.evaluations} candidates judged."
        )

    recorder = Recorder(
        judge,
        place.apply,
        f"{place.config.seed}/{number}",
        Allowance(**opened["allowances"][number]),
        [numbered.evaluation for numbered in store.evaluations.for_island(trial_id, number)],
        keep,
    )
    island = Island(
        number,
        opened["islands"],
        place.config,
        baseline.sites,
        place.sources,
        place.tree,
        opened["prior"],
        recorder,
        Exchange(offer, take),
        on_generation,
    )
    try:
        reason = island.run()
    finally:
        metrics.ended()
    return {
        "island": number,
        "evaluations": len(recorder.history),
        "repeats": recorder.repeats,
        "seconds": recorder.seconds,
        "best_fitness": max((one.fitness for one in recorder.history if one.verdict == "win"), default=0.0),
        "generations": island.generation,
        "stop_reason": reason,
    }


def figures_of(recorder: Recorder, injected: int) -> IslandFigures:
    wins = [one for one in recorder.history if one.verdict == "win"]
    best = max(wins, key=lambda one: one.fitness, default=None)
    return IslandFigures(
        verdicts=Counter(one.verdict for one in recorder.history),
        cache_hits=recorder.repeats,
        seconds=recorder.seconds,
        injected=injected,
        best_fitness=best.fitness if best else 0.0,
        best_cost=best.cost if best else None,
    )


@contextmanager
def _lease(trial_id: str, island: int, engine: Engine) -> Iterator[tuple[Lease, Callable[[], bool]]]:
    """The island's lease, renewed in the background, and a function that says whether it was lost meanwhile."""
    lease = engine.store.leases.acquire(trial_id, island, f"island-{island}", LEASE)
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE.total_seconds() / 6):
            try:
                engine.store.leases.renew(lease)
            except (TrialCancelled, LeaseLost):
                lost.set()
                return
            except StoreError:
                continue  # the next write of the island itself says so, if it stays so

    heart = threading.Thread(target=renew, name=f"lease of island {island}", daemon=True)
    heart.start()
    try:
        yield lease, lost.is_set
    finally:
        ended.set()
        heart.join()
        try:
            engine.store.leases.release(lease)
        except DeanError as error:
            engine.progress(f"The lease of island {island} could not be released and will expire: {error}")
