"""A store as a busy installation has it after months: many ended trials of ten thousand candidates each.

One trial is written as an island writes it, the others are copied from it by the database.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.models import ChampionRow, DocumentRow, EvaluationRow, EventRow, MigrantRow, TrialRow
from dean_airflow.store.patterns import Observation
from dean_airflow.store.store import Store

ISLANDS, GENERATIONS, POPULATION = 4, 25, 100
CANDIDATES = ISLANDS * GENERATIONS * POPULATION
KINDS = ("hoist_regex", "append_to_comprehension", "bind_before_loop", "hoist_invariant", "membership_to_loop")
SERVICES = ("airflow", "dean", "evolution", "indexagent", "cache", "queue", "shop", "mail")
COPIED = (EvaluationRow, EventRow, MigrantRow, ChampionRow, DocumentRow)


def trial_id(number: int) -> str:
    return f"trial-{number:012x}"


def fill(store: Store, trials: int, seed: int = 1) -> float:
    """Makes `trials` trials, of which the last ten are under way; seconds it took."""
    begun = time.perf_counter()
    rng = random.Random(seed)
    now = store.now()
    _first_trial(store, rng, now)
    for number in range(1, trials):
        _copied(store, number, now, ended=number < trials - 10)
    patterns = [Observation(kind, f"shape {shape}", 40, 3, (-0.1,)) for kind in KINDS for shape in range(40)]
    store.patterns.record_all(trial_id(0), patterns)
    for number in range(1, trials, max(1, trials // 50)):
        store.patterns.record_all(trial_id(number), patterns[:30])
    _metrics(store)
    if store.database.is_sqlite:
        store.database.autocommit(lambda connection: connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)"))
    else:
        store.database.autocommit(lambda connection: connection.exec_driver_sql("VACUUM ANALYZE"))
    return time.perf_counter() - begun


def _first_trial(store: Store, rng: random.Random, now: datetime) -> None:
    def work(session: Session) -> None:
        connection = session.connection()
        connection.execute(insert(TrialRow), [_trial(0, now, True)])
        connection.execute(insert(EvaluationRow), [_candidate(place, rng, now) for place in range(CANDIDATES)])
        connection.execute(insert(EventRow), [_generation(place, now) for place in range(ISLANDS * GENERATIONS)])
        connection.execute(
            insert(MigrantRow), [_migrant(i, g) for i in range(ISLANDS) for g in range(2, GENERATIONS, 2)]
        )
        connection.execute(insert(ChampionRow), [_champion(now)])
        connection.execute(insert(DocumentRow), _documents(rng, now))

    store.database.write(work)


def _copied(store: Store, number: int, now: datetime, *, ended: bool) -> None:
    def work(session: Session) -> None:
        connection = session.connection()
        connection.execute(insert(TrialRow), [_trial(number, now, ended)])
        for row in COPIED:
            names = ", ".join(column.name for column in row.__table__.columns if column.name != "trial_id")
            table = row.__table__.name
            copy = f"INSERT INTO {table} (trial_id, {names}) SELECT :new, {names} FROM {table} WHERE trial_id = :first"
            connection.execute(text(copy), {"new": trial_id(number), "first": trial_id(0)})

    store.database.write(work)


def _trial(number: int, now: datetime, ended: bool) -> dict[str, Any]:
    config = TrialConfig(repository=f"https://git.example/team/project-{number % 40}.git", islands=ISLANDS)
    began = now - timedelta(minutes=10 * (2000 - number))
    outcome = ("improved", "no_improvement")[number % 2]
    result = {"speedup": 1.3, "speedup_interval": [1.2, 1.4], "evaluations": CANDIDATES, "patch": "p", "report": "r"}
    return {
        "id": trial_id(number),
        "repository": config.repository,
        "config": config.model_dump(),
        "target": {"commit": "a" * 40},
        "status": "completed" if ended else "running",
        "outcome": outcome if ended else None,
        "stop_reason": "generations",
        "attempt": 1,
        "execution": "",
        "created_at": began,
        "updated_at": began,
        "started_at": began,
        "completed_at": began + timedelta(minutes=9) if ended else None,
        "current_generation": GENERATIONS,
        "best_fitness": 0.2,
        "improvements": [0.01] * GENERATIONS,
        "dag_id": "dean_evolution_trial",
        "run_id": f"dean__{trial_id(number)}__1",
        "error": None,
        "result": result if ended else None,
    }


def _candidate(place: int, rng: random.Random, now: datetime) -> dict[str, Any]:
    island, sequence = divmod(place, GENERATIONS * POPULATION)
    generation = sequence // POPULATION
    verdict = rng.choices(("win", "neutral", "worse", "invalid"), (1, 3, 4, 2))[0]
    valid = verdict != "invalid"
    size = 1 if generation < 8 else rng.randint(2, 6)
    cost = rng.uniform(0.75, 0.98) if verdict == "win" else rng.uniform(0.98, 1.3)
    return {
        "trial_id": trial_id(0),
        "island": island,
        "sequence": sequence,
        "generation": generation,
        "key": f"{place:016x}",
        "genome": [_edit(rng) for _ in range(size)],
        "verdict": verdict,
        "stage": "cost" if valid else rng.choice(("output", "tests")),
        "reason": "" if valid else f"tests/test_shop.py::test_{rng.randrange(9)} failed",
        "fitness": max(0.0, 1 - cost),
        "cost": cost if valid else None,
        "ratios": {"runtime": cost} if valid else {},
        "pairs": 12,
        "seconds": 0.05,
        "log_ratios": tuple(rng.gauss(0, 0.02) for _ in range(12 if valid else 0)),
        "details": {},
        "created_at": now,
    }


def _edit(rng: random.Random) -> str:
    return f"catalogue.{rng.choice(KINDS)} shop/part_{rng.randrange(8)}.py::Basket.method_{rng.randrange(12)}#*"


def _generation(place: int, now: datetime) -> dict[str, Any]:
    island, number = divmod(place, GENERATIONS)
    data = {
        "island": island,
        "number": number,
        "best_fitness": 0.01 * number,
        "mean_fitness": 0.005 * number,
        "diversity": 0.8 - 0.02 * number,
        "diversity_before": 0.8 - 0.02 * number,
        "evaluations": POPULATION * (number + 1),
        "injected": 0,
    }
    return {
        "trial_id": trial_id(0),
        "sequence": place + 1,
        "kind": "generation",
        "key": f"g-{island}-{number}",
        "data": data,
        "created_at": now,
    }


def _migrant(island: int, generation: int) -> dict[str, Any]:
    return {
        "trial_id": trial_id(0),
        "island": island,
        "generation": generation,
        "from_island": (island + 1) % ISLANDS,
        "from_generation": generation,
        "genome": ["catalogue.hoist_regex a.py::f#*"],
        "fitness": 0.1,
    }


def _champion(now: datetime) -> dict[str, Any]:
    return {
        "trial_id": trial_id(0),
        "island": 0,
        "sequence": 2000,
        "generation": 20,
        "genome": ["a"],
        "fitness": 0.2,
        "state": "published",
        "details": {},
        "updated_at": now,
    }


def _documents(rng: random.Random, now: datetime) -> list[dict[str, Any]]:
    edits = [_edit(rng) for _ in range(4)]
    diff = "--- a/shop.py\n+++ b/shop.py\n" + "".join(f"-old line {n}\n+new line {n}\n" for n in range(40))
    tests = [f"tests/test_shop.py::test_number_{number}" for number in range(800)]
    measured = {
        "log_ratios": [[rng.gauss(-0.2, 0.02) for _ in range(32)] for _ in range(6)],
        "baseline_seconds": [0.02] * 192,
        "candidate_seconds": [0.016] * 192,
    }
    baseline = {
        "tests": tests,
        "skipped": [],
        "sites": [{"path": "shop.py", "share": 0.1}] * 30,
        "seconds": 0.02,
        "noise": 0.01,
        "repeats": 3,
        "mode": "warm",
        "mode_reason": "",
        "coverage": {"shop.py": {str(n): n % 60 for n in range(2000)}},
        "test_sets": [list(range(0, 800, 7))] * 60,
    }
    documents: dict[str, Any] = {
        "opened": {"islands": ISLANDS, "sandbox": "full", "environment": {"python": "3.11"}, "baseline": baseline},
        "champion": {
            "improved": True,
            "island": 0,
            "sequence": 2000,
            "fitness": 0.2,
            "genome": edits,
            "full_genome": edits,
            "confirmations": [{"edits": 4, "accepted": True, "p_value": 1e-9, "problem": ""}],
            "confirmation": measured,
        },
        "validated": {"improved": True, "genome": edits, "measurement": measured, "effects": []},
        "published": {
            "branch": "dean/x",
            "commit": "c" * 40,
            "repository": "/srv/x",
            "patch": "p",
            "speedup": 1.3,
            "speedup_interval": [1.2, 1.4],
            "fitness": 0.2,
            "edits": [
                {"text": edit, "title": "t", "why": "w", "label": "preserving", "factor": 1.1, "diff": diff}
                for edit in edits
            ],
        },
    }
    return [
        {"trial_id": trial_id(0), "name": name, "value": value, "updated_at": now} for name, value in documents.items()
    ]


def _metrics(store: Store) -> None:
    """An hour of eight services, every fifteen seconds."""
    now, history = to_ms(store.now()), History(store)
    for service in SERVICES:
        labels = (("service_name", service),)
        times = range(now - 3_600_000, now, 15_000)
        history.append(
            sample
            for time in times
            for sample in (
                Sample(service, "dean_service_health", 1.0, time, labels),
                Sample(service, "dean_health_check_duration_seconds", 0.02, time, labels),
                *(Sample(service, f"metric_{number}", 1.0, time) for number in range(20)),
            )
        )
    history.roll_up()
