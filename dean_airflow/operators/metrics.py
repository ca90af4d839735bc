"""Metrics as tasks: collect, roll up, and ask the alert rules, in one task or in several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.bases.skipmixin import SkipMixin
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dean_airflow.errors import DeanError, StoreError

if TYPE_CHECKING:
    from airflow.sdk import Context


class CollectMetricsOperator(BaseOperator, SkipMixin):
    """Collects the metrics of every configured service once, keeps and rolls them up, and asks the alert rules.

    A service that is dead is a failed sample, not a failed task. Without anything to tell, the tasks right after this
    one are skipped. Answers `services`, `failed` (their names), `seconds`, `rolled_up` (hours of series), and of the
    rules `changes`, `to_notify`, `firing`, `pending`. The trials' counters and gauges also go to Airflow's own metrics
    client.

    :param evaluate: whether to ask the alert rules; without, the tasks that follow are never skipped.
    """

    def __init__(self, *, evaluate: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluate = evaluate

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowException, to be retried, for a store that fails; AirflowFailException for bad settings."""
        answer = _guarded(self._collect)
        for name in answer["failed"]:
            self.log.warning("%s could not be collected; the sample says so.", name)
        if self.evaluate and not answer["to_notify"]:
            context["ti"].xcom_push(key="return_value", value=answer)  # skipping ends the task right here
            self.skip(context["ti"], self.get_direct_relatives(upstream=False))
        return answer

    def _collect(self) -> dict[str, Any]:
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.airflow_stats import send_stats
        from dean_airflow.metrics.history import History
        from dean_airflow.metrics_setup import collector_setup
        from dean_airflow.store.store import Store

        settings = settings_in_process()
        setup = collector_setup(settings)
        with Store.open(settings.store) as store:
            collection = setup.collect(store)
            history = History(store, settings.metrics_series_limit)
            answer: dict[str, Any] = {
                "services": len(collection.readings),
                "failed": collection.failed,
                "seconds": round(collection.took, 3),
                "rolled_up": history.roll_up(),
            }
            send_stats(store, history, collection.at)
            if self.evaluate:
                from dean_airflow.metrics.alerts.engine import evaluate_in_force

                answer |= evaluate_in_force(store, settings.alert_rules, store.now()).as_data()
        return answer


class RollUpMetricsOperator(BaseOperator):
    """Packs and rolls up what was collected, and removes what is older than it is kept.

    `CollectMetricsOperator` does so itself; this is for DAGs that collect in another way, such as by the trigger.

    Answers `rolled_up` (hours of series) and how many chunks of each tier were removed.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowException, to be retried, for a store that fails; AirflowFailException for bad settings."""
        return _guarded(_roll_up)


def _roll_up() -> dict[str, Any]:
    from dean_airflow.airflow_settings import settings_in_process
    from dean_airflow.metrics.history import History
    from dean_airflow.store.store import Store

    with Store.open(settings_in_process().store) as store:
        history = History(store)
        return {"rolled_up": history.roll_up(), **history.purge()}


def _guarded(work: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = work()
    except StoreError as error:
        raise AirflowException(str(error)) from None
    except DeanError as error:
        raise AirflowFailException(str(error)) from None
    return answer
