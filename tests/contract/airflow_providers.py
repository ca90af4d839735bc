"""Airflow as a provider: the stub, and a started api-server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.testing import AirflowStub, Scenario
from tests.integration.evolution_workflow.airflow_stack import BUNDLE, AirflowStack

from .airflow_agreements import PASSWORD, USER
from .providers import State


class AirflowStubProvider:
    """Runs of this stub stay queued, as they do without a scheduler."""

    def __init__(self, stub: AirflowStub) -> None:
        self._stub = stub
        self.url = stub.url
        self.token = "stub-token-of-the-contract"
        self._reset()

    def enter(self, state: str, parameters: State) -> None:
        if not state:
            return
        dag = self._stub.dags[parameters["dag_id"]]
        if state in ("a DAG that is not paused", "a DAG that is paused"):
            dag.is_paused = state == "a DAG that is paused"
        elif state == "no such run":
            dag.runs.pop(parameters["run_id"], None)
        elif state == "a run":
            dag.runs.pop(parameters["run_id"], None)
            self._stub.trigger(dag.dag_id, parameters["run_id"])
        else:
            raise ValueError(f"the stub knows no state {state!r}")

    def _reset(self) -> None:
        self._stub.reset()
        self._stub.scenario = Scenario(pace=None)
        self._stub.tokens.add(self.token)


class AirflowServerProvider:
    """An api-server without a scheduler, so that runs stay where a state has put them."""

    def __init__(self, stack: AirflowStack) -> None:
        self._stack = stack
        self.url = stack.url
        self.token = stack.token(USER)

    def enter(self, state: str, parameters: State) -> None:
        if not state:
            return
        dag = f"/api/v2/dags/{parameters['dag_id']}"
        if state in ("a DAG that is not paused", "a DAG that is paused"):
            self._ask("PATCH", dag, {"is_paused": state == "a DAG that is paused"})
        elif state in ("a run", "no such run"):
            run_id = parameters["run_id"]
            self._stack.request("DELETE", f"{dag}/dagRuns/{run_id}", user=USER)
            if state == "a run":
                self._ask("POST", f"{dag}/dagRuns", {"logical_date": None, "dag_run_id": run_id})
        else:
            raise ValueError(f"the server knows no state {state!r}")

    def _ask(self, method: str, path: str, body: State) -> None:
        self._stack.request(method, path, user=USER, json=body).raise_for_status()


@contextlib.contextmanager
def airflow_server(folder: Path, migrated: Path) -> Iterator[AirflowServerProvider]:
    """A started api-server that knows the shipped DAGs; `migrated` is an Airflow home to copy the database of."""
    stack = AirflowStack(
        folder, migrated,
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{USER}:admin",
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE,
    )  # fmt: skip
    stack.passwords[USER] = PASSWORD
    (folder / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
    assert stack.command("dags", "reserialize").returncode == 0
    with stack.running("api-server"):
        yield AirflowServerProvider(stack)
