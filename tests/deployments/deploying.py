"""Deploys a shop in a process of its own, which kills itself at one point: `deploying.py FOLDER ID TTL POINT`.

POINT is one that a deployment passes, or `write:N:before` or `write:N:after`, its Nth write to the store.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from dean_airflow.config import load_settings
from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.store.database import Database
from dean_airflow.store.store import Store

folder, deployment_id, ttl, point = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
writes = 0


def at(reached: str) -> None:
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)


def counted(write: Callable[..., Any]) -> Callable[..., Any]:
    def counting(self: Database, work: Callable[..., Any]) -> Any:
        global writes
        writes += 1
        number = writes
        at(f"write:{number}:before")
        answer = write(self, work)
        at(f"write:{number}:after")
        return answer

    return counting


settings = load_settings({"AIRFLOW_HOME": str(folder / "home")})
with Store.open(settings.store) as store:
    Database.write = counted(Database.write)  # type: ignore[method-assign]
    means = Means(settings, store, print, at=at, lock_ttl=timedelta(seconds=ttl))
    stages.deploy(DeployRequest(str(folder / "shop"), probes=False), means, deployment_id)
