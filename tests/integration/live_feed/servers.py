"""A web server that can be killed and started again on its port, and a trial that writes in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from tests.integration.evolution_workflow.airflow_stack import AirflowStack

GENERATION = 10
"""Evaluations of one."""
_WRITE = """
import sys, time
from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import Producer

store = Store.open(sys.argv[1])
producer = Producer(store, sys.argv[2], int(sys.argv[3]))
print("ready", flush=True)
pause = 1 / float(sys.argv[4])
due = time.monotonic()
while True:
    producer.evaluate()
    due = max(due + pause, time.monotonic() - 0.5)
    time.sleep(max(0.0, due - time.monotonic()))
"""


class Server:
    """The api-server of an Airflow, one process after another."""

    def __init__(self, stack: AirflowStack) -> None:
        self.stack = stack
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        with (self.stack.home / "api-server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.stack.python, "-m", "airflow", "api-server"], env=self.stack.environment, cwd=self.stack.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.stack.wait_for("the api-server to answer", self.stack._answers)

    def kill(self) -> None:
        """As when the machine fails: nothing gets to say goodbye."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Producer:
    """A trial under way that judges candidates as its islands do, and tells of each generation."""

    def __init__(self, store: Store, trial_id: str, island: int = 0) -> None:
        self.store, self.trial_id, self.island = store, trial_id, island
        open_trial(store, trial_id)
        self.lease: Lease = store.leases.acquire(trial_id, island, f"island-{island}", timedelta(hours=1))
        self.count = store.evaluations.count(trial_id, island)

    def evaluate(self) -> None:
        self.store.evaluations.add(self.lease, [evaluation(self.count)])
        self.count += 1
        if self.count % GENERATION == 0:
            number = self.count // GENERATION
            best = min(0.9, number / 1000)
            data = {"island": self.island, "number": number, "best_fitness": best, "diversity": 0.5}
            self.store.events.append(self.trial_id, "generation", data, key=f"generation-{self.island}-{number}")
            self.store.trials.progress(self.lease, number, best)


class ProducerProcess:
    """The same in another process, at so many evaluations a second, until it is killed."""

    def __init__(self, url: str, trial_id: str, rate: float, island: int = 0) -> None:
        root = Path(__file__).parents[3]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WRITE, url, trial_id, str(island), str(rate)],
            env={**os.environ, "PYTHONPATH": str(root)}, cwd=root, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def open_trial(store: Store, trial_id: str, dag_id: str | None = None) -> None:
    """A running trial, unless it is there already."""
    config = {"repository": "/srv/somewhere", "generations": 100}
    trial = store.trials.create(trial_id, config, dag_id=dag_id, run_id=None if dag_id is None else "run")
    if trial.status == "pending":
        store.trials.transition(trial_id, "initializing")
        store.trials.transition(trial_id, "running")


def evaluation(number: int) -> NumberedEvaluation:
    wins = number % 5 == 0
    return NumberedEvaluation(
        number,
        number // GENERATION,
        Evaluation(
            key=f"digest-{number}",
            genome=(f"catalogue.hoist pkg/mod.py::work#{number}",),
            verdict="win" if wins else "neutral",
            stage="cost",
            fitness=0.1 if wins else 0.0,
            cost=0.9 if wins else 1.0,
            ratios={"runtime": 0.9},
            pairs=3,
            seconds=0.01,
            log_ratios=(-0.1, -0.2),
            details={"at": time.time()},
        ),
    )


def store_url(stack: AirflowStack) -> str:
    return stack.environment.get("AIRFLOW__DEAN__STORE") or f"sqlite:///{stack.home / 'dean' / 'dean.db'}"


def frames_of(texts: list[str]) -> list[dict]:
    return [json.loads(text) for text in texts]
