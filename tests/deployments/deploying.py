"""Deploys a shop in a process of its own, which kills itself at one point: `deploying.py FOLDER ID TTL POINT`."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from dean_airflow.config import load_settings
from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.store.store import Store

folder, deployment_id, ttl, point = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]


def at(reached: str) -> None:
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)


settings = load_settings({"AIRFLOW_HOME": str(folder / "home")})
with Store.open(settings.store) as store:
    means = Means(settings, store, print, at=at, lock_ttl=timedelta(seconds=ttl))
    stages.deploy(DeployRequest(str(folder / "shop"), probes=False), means, deployment_id)
