"""Alerts as tasks: evaluate the rules, tell who is to be told, and hand a run the alerts it was started by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from dean_airflow.assets import ALERT, ALERT_ALIAS
from dean_airflow.errors import DeanError, StoreError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.store.alert_notices import Notice


class EvaluateAlertsOperator(BaseOperator):
    """Evaluates the alert rules in force once, by the samples in the store.

    Answers `changes` (alerts that began to fire or were resolved), `to_notify` (notices that are owed), `firing` and
    `pending` (how many). For DAGs that collect in another way; `dean_metrics_collection` does it in its one task.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowException, to be retried, for a store that fails; AirflowFailException for bad settings."""
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.metrics.alerts.engine import evaluate_in_force
        from dean_airflow.store.store import Store

        try:
            settings = settings_in_process()
            with Store.open(settings.store) as store:
                done = evaluate_in_force(store, settings.alert_rules, store.now())
        except StoreError as error:
            raise AirflowException(str(error)) from None
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
        return done.as_data()


class NotifyAlertsOperator(BaseOperator):
    """Tells every receiver of the `[dean] alert_receivers` setting of what it has not been told, and announces the
    asset `dean_alert` for it. Skipped when there is nothing to tell.

    At least once: killed at any moment, the next attempt tells what is not known to be told. A receiver that cannot be
    told holds up no other; it is tried again at the next run, and fails the task where nothing else was to be done.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[ALERT_ALIAS], **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowSkipException, AirflowException (a receiver, the store), AirflowFailException (settings)."""
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.hooks.task_pool import task_pool
        from dean_airflow.metrics.alerts.delivery import deliver
        from dean_airflow.notifications.receivers import receivers
        from dean_airflow.store.store import Store

        run = context["dag_run"]
        run_key = f"{run.dag_id}/{run.run_id}"
        asset = AssetReceiver()
        try:
            settings = settings_in_process()
            with Store.open(settings.store) as store:
                asset.announced = store.notices.delivered_by(asset.name, run_key)  # by an attempt that did not live
                if not asset.announced and store.notices.count_open() == 0:
                    raise AirflowSkipException("No alert has changed.")
                done = deliver(store, [asset, *receivers(settings, task_pool(), context)], run_key)
        except StoreError as error:
            raise AirflowException(str(error)) from None
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
        if asset.announced:
            alerts: list[Any] = [notice.alert for notice in asset.announced]
            context["outlet_events"][ALERT_ALIAS].add(ALERT, extra={"alerts": alerts})
        elif done.failed:
            raise AirflowException(" ".join(done.failed.values()))
        return {"told": done.told, "failed": done.failed, "given_up": done.given_up}


class AlertsOfRunOperator(BaseOperator):
    """Answers the alerts that started this run: those of its `dean_alert` asset events, the newest state of each."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        events = context["triggering_asset_events"].get(ALERT, [])
        # An event of a watcher has as its payload what a task's event has as its extra.
        newest = {
            alert["fingerprint"]: alert
            for event in sorted(events, key=lambda event: event.timestamp)
            for alert in (event.extra.get("payload") or event.extra).get("alerts", [])
        }
        return list(newest.values())


class AssetReceiver:
    """The asset `dean_alert`, told like any receiver: collects what the task then announces by its success."""

    name = "asset"

    def __init__(self) -> None:
        self.announced: list[Notice] = []

    def wants(self, labels: Mapping[str, str], state: str) -> bool:
        return True

    def send(self, notices: Sequence[Notice]) -> None:
        self.announced.extend(notices)
