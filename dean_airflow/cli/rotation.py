"""`airflow dean deployment rotate`: a secret rotated where no Airflow runs."""

from __future__ import annotations

import getpass
import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError


@command
def rotate(args: Any) -> int:
    """Rotate, saying how it goes on stderr, and print the report; 1 where the old value is in use again.

    While the overlap lasts the report says until when; calling again after that ends the rotation.
    """
    from dean_airflow.deployment.rollout.means import Means
    from dean_airflow.deployment.secrets import rotation
    from dean_airflow.deployment.secrets.rotating import rotating_of
    from dean_airflow.store.ids import new_deployment_id
    from dean_airflow.store.store import Store

    hours = args.overlap_hours
    if hours is not None and not 0 <= hours <= 720:
        raise ConfigurationError(f"--overlap-hours is {hours:g}; it must be from 0 to 720.")
    settings = settings_in_process()
    with Store.open(settings.store) as store:
        means = Means(settings, store, lambda line: print(line, file=sys.stderr))
        rotating = rotating_of(
            args.directory,
            args.secret,
            means,
            environment=args.environment or "",
            overlap=None if hours is None else timedelta(hours=hours),
            requested_by=getpass.getuser(),
        )
        if args.abandon:
            report = rotation.abandon(rotating, means, "It was abandoned.")
            if report is None:
                print(f"No rotation of {args.secret} is under way.")
                return 0
            return _answer(args, report, report["status"] == "rolled_back")
        report = rotation.rotate(rotating, means, new_deployment_id())
        while args.wait and report["status"] == "waiting":
            _wait_until(datetime.fromisoformat(report["waiting_until"]))
            report = rotation.rotate(rotating, means, new_deployment_id())
    return _answer(args, report, report["success"] or report["status"] == "waiting")


def _wait_until(moment: datetime) -> None:
    while (left := (moment - datetime.now(moment.tzinfo)).total_seconds()) > 0:
        time.sleep(min(left, 60.0))


def _answer(args: Any, report: dict[str, Any], good: bool) -> int:
    if args.json:
        print(json.dumps(report, indent=2))
    elif report["status"] == "waiting":
        print(
            f"{report['secret']}: the old value is accepted until {report['waiting_until']}; rotate again after that."
        )
    else:
        refused = {True: " The old value is refused.", None: " Nobody could be asked whether the old value is refused."}
        print(f"{report['secret']}: {report['message']}{refused.get(report['old_refused'], '') if good else ''}")
        if report["error"]:
            print(report["error"])
    return 0 if good else FAILED
