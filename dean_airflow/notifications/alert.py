"""DEAN's own notifier: tells the alert receivers of DEAN's settings about anything a DAG has to say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.store.alert_notices import Notice


class AlertNotifier(BaseNotifier):
    """For `on_failure_callback` and other callbacks of any DAG or task, and for deadlines.

    Goes to every receiver of the `[dean] alert_receivers` setting that wants such labels, at once: it does not pass
    through rules, silences or the store, and is told of no resolution.

    :param message: what to say (templated).
    :param alert: the alert's name (templated).
    :param severity: info, warning, error or critical.
    :param labels: further labels (templated), beside `dag_id`, `task_id` and `run_id` where there are any.
    """

    template_fields: Sequence[str] = ("message", "alert", "labels")

    def __init__(
        self,
        *,
        message: str,
        alert: str = "AirflowTaskFailed",
        severity: str = "error",
        labels: Mapping[str, str] | None = None,
        context: Context | None = None,
    ) -> None:
        from dean_airflow.errors import ConfigurationError
        from dean_airflow.metrics.alerts.rules import SEVERITIES

        super().__init__(context=context)
        if severity not in SEVERITIES:
            raise ConfigurationError(f"The severity must be one of {', '.join(SEVERITIES)}, not {severity!r}.")
        self.message, self.alert, self.severity = message, alert, severity
        self.labels = dict(labels or {})

    def notify(self, context: Context) -> None:
        """Raises DeliveryError, which names every receiver that could not be told, after all were tried."""
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.hooks.task_pool import task_pool
        from dean_airflow.metrics.alerts.delivery import DeliveryError
        from dean_airflow.notifications.receivers import receivers

        notice = self._notice(context)
        failed = []
        for receiver in receivers(settings_in_process(), task_pool(), dict(context)):
            if not receiver.wants(notice.alert["labels"], notice.state):
                continue
            try:
                receiver.send([notice])
            except DeliveryError as error:
                failed.append(str(error))
        if failed:
            raise DeliveryError(" ".join(failed))

    async def async_notify(self, context: Context) -> None:
        """As `notify`, off the event loop."""
        await asyncio.to_thread(self.notify, context)

    def _notice(self, context: Mapping[str, Any]) -> Notice:
        from dean_airflow.metrics.alerts.rules import ALERT_NAME, SEVERITY
        from dean_airflow.metrics.alerts.state import fingerprint_of
        from dean_airflow.store.alert_notices import Notice

        labels = {**_place(context), **self.labels, SEVERITY: self.severity, ALERT_NAME: self.alert}
        now = datetime.now(UTC)
        fingerprint = fingerprint_of(labels)
        attempt = json.dumps([fingerprint, getattr(context.get("ti"), "try_number", None) or now.isoformat()])
        return Notice(
            key=f"{fingerprint}-notifier-{hashlib.sha256(attempt.encode()).hexdigest()[:16]}",
            batch=fingerprint,
            fingerprint=fingerprint,
            state="firing",
            group_labels={ALERT_NAME: self.alert},
            alert={
                "alert": self.alert,
                "service": labels.get("service"),
                "severity": self.severity,
                "state": "firing",
                "message": self.message,
                "labels": labels,
                "starts_at": now.isoformat(),
                "ends_at": None,
            },
            created_at=now,
        )


def _place(context: Mapping[str, Any]) -> dict[str, str]:
    """Where in Airflow it happened, as far as the context says."""
    found = {name: getattr(context.get("ti"), name, None) for name in ("dag_id", "task_id", "run_id")}
    run = context.get("dag_run")
    for name in ("dag_id", "run_id"):
        found[name] = found[name] or getattr(run, name, None)
    return {name: str(value) for name, value in found.items() if value}
