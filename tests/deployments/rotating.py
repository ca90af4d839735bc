"""Rotates a shop's secret in a process of its own, which kills itself at one point: `rotating.py FOLDER ID POINT`."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from dean_airflow.config import load_settings
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.rotating import rotating_of
from dean_airflow.deployment.secrets.rotation import rotate
from dean_airflow.store.store import Store

folder, rotation_id, point = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def at(reached: str) -> None:
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)


settings = load_settings({"AIRFLOW_HOME": str(folder / "home")})
with Store.open(settings.store) as store:
    means = Means(settings, store, print, at=at, lock_ttl=timedelta(seconds=30))
    rotate(rotating_of(str(folder / "shop"), "SHOP_PASSWORD", means), means, rotation_id)
