"""Trials in a store for tests of pages: with candidates of all verdicts, generations, a champion, and its documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.store.champions import Champion
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.patterns import Observation
from dean_airflow.store.store import Store

EDITS = [f"catalogue.hoist_regex pkg/mod.py::parse_{number}#*" for number in range(5)]
VERDICTS = ("win", "neutral", "worse", "invalid")


def make_trial(store: Store, trial_id: str = "trial-00000001", *, dag: str | None = None, **config: Any) -> str:
    """A running trial, with no candidate yet."""
    params = TrialConfig(**{"repository": "https://git.example/shop.git", **config}).model_dump()
    run = None if dag is None else f"dean__{trial_id}__1"
    store.trials.create(trial_id, params, dag_id=dag, run_id=run, execution="first")
    store.trials.transition(trial_id, "initializing")
    store.trials.transition(trial_id, "running", target={"repository": params["repository"], "commit": "abc"})
    return trial_id


def evolve(store: Store, trial_id: str, *, islands: int = 2, generations: int = 3, each: int = 4) -> None:
    """`each` candidates of every island's generation, one of each verdict in turn; the last still goes on."""
    for island in range(islands):
        lease = store.leases.acquire(trial_id, island, "a test", timedelta(minutes=5))
        for generation in range(generations):
            first = generation * each
            batch = [_judged(island, first + number, generation) for number in range(each)]
            store.evaluations.add(lease, batch)
            if generation < generations - 1:
                tell_generation(store, trial_id, island, generation, first + each)
                store.trials.progress(lease, generation, 0.1 * (generation + 1))
        store.migrants.offer(lease, 2, EDITS[:1], 0.2 + island / 10)
        store.migrants.take(lease, 2)
        store.leases.release(lease)


def tell_generation(store: Store, trial_id: str, island: int, number: int, evaluations: int) -> None:
    data = {
        "island": island, "number": number, "best_fitness": 0.1 * (number + 1), "mean_fitness": 0.05,
        "diversity": 0.5 - 0.1 * number, "diversity_before": 0.5, "evaluations": evaluations, "injected": number,
    }  # fmt: skip
    store.events.append(trial_id, "generation", data, key=f"generation-{island}-{number}")


def crown(
    store: Store, trial_id: str, *, diff: str = "--- a/pkg/mod.py\n+++ b/pkg/mod.py\n@@ -1 +1 @@\n-a\n+b\n"
) -> None:
    """The first winner of island 0 becomes the champion, published, and the trial ends."""
    edit = EDITS[0]
    found = {
        "improved": True, "island": 0, "sequence": 0, "fitness": 0.2, "genome": [edit], "full_genome": [edit],
        "confirmations": [
            {"edits": 1, "accepted": True, "p_value": 1e-6, "speedup": 1.3, "speedup_interval": [1.2, 1.4]},
        ],
    }  # fmt: skip
    measured = {"log_ratios": [[-0.2, -0.3]], "baseline_seconds": [0.2, 0.2], "candidate_seconds": [0.1, 0.1]}
    published = {
        "branch": f"dean/{trial_id}", "commit": "def", "repository": "/srv/mirror", "patch": "somewhere",
        "speedup": 1.3, "speedup_interval": [1.2, 1.4], "fitness": 0.23,
        "edits": [
            {"text": edit, "title": "Hoist it", "why": "Because", "label": "preserving", "factor": 1.3,
             "interval": [1.2, 1.4], "diff": diff},
        ],
    }  # fmt: skip
    store.documents.put(trial_id, "champion", found)
    store.documents.put(
        trial_id, "validated", {"improved": True, "genome": [edit], "measurement": measured, "effects": [None]}
    )
    store.documents.put(trial_id, "published", published)
    store.champions.put(Champion(trial_id, 0, 0, 0, (edit,), 0.2, "published"))
    store.patterns.record_all(trial_id, [Observation("hoist_regex", "loop", 3, 1, (-0.3,))])
    result = {"speedup": 1.3, "speedup_interval": [1.2, 1.4], "evaluations": 24, "patch": "x", "report": "y"}
    store.trials.transition(trial_id, "completed", outcome="improved", stop_reason="generations", result=result)


def _judged(island: int, sequence: int, generation: int) -> NumberedEvaluation:
    verdict = VERDICTS[sequence % 4]
    genome = tuple(EDITS[: 1 + sequence % 3])
    valid = verdict != "invalid"
    evaluation = Evaluation(
        key=f"key-{island}-{sequence}",
        genome=genome,
        verdict=verdict,  # type: ignore[arg-type]
        stage="cost" if valid else "tests",
        reason="" if valid else "test_parse failed",
        fitness=0.2 if verdict == "win" else 0.0,
        cost=(0.8 - sequence / 1000) if valid else None,
        ratios={"runtime": 0.8} if valid else {},
        pairs=40 if valid else 0,
        seconds=0.5,
        log_ratios=tuple(-0.2 + step / 100 for step in range(40)) if valid else (),
    )
    return NumberedEvaluation(sequence, generation, evaluation)
