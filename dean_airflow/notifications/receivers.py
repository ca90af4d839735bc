"""The receivers of the settings, as Airflow reaches them: webhooks by address or connection, and Airflow notifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_services import url_of
from dean_airflow.airflow_settings import connection_or_none
from dean_airflow.alert_receivers import AlertReceiver
from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.metrics.alerts.delivery import DeliveryError, Receiver
from dean_airflow.metrics.alerts.webhook import WebhookReceiver
from dean_airflow.services.credentials import BearerToken, NoCredential
from dean_airflow.services.masking import mask
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.alert_notices import Notice

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier


def receivers(settings: Settings, pool: SyncServicePool, context: Mapping[str, Any]) -> list[Receiver]:
    """Every configured receiver. One that cannot be had (an unknown connection) fails when it is told, and alone."""
    return [_receiver(spec, pool, context) for spec in settings.alert_receivers]


def _receiver(spec: AlertReceiver, pool: SyncServicePool, context: Mapping[str, Any]) -> Receiver:
    try:
        if spec.notifier is not None:
            return NotifierReceiver(spec, context)
        if spec.connection is None:
            return WebhookReceiver(spec, str(spec.webhook), pool)
        connection = connection_or_none(spec.connection)
        if connection is None:
            raise ConfigurationError(f"There is no connection {spec.connection}, which receiver {spec.name} names.")
        credential = BearerToken(connection.password) if connection.password else NoCredential()
        url = url_of(connection, f"The connection {spec.connection}") + str(connection.extra_dejson.get("path") or "")
        return WebhookReceiver(spec, url, pool, credential=credential)
    except ConfigurationError as error:
        return _Unusable(spec, str(error))


class NotifierReceiver:
    """Calls an Airflow notifier, with the alerts in the context that its templates are rendered with.

    Beside what the task's own context has: `alerts` (a list of what is told of each), `alert` (the first of them),
    `status` (firing or resolved), and `message` (all of it in text).
    """

    def __init__(self, spec: AlertReceiver, context: Mapping[str, Any]) -> None:
        self._spec, self._context = spec, context

    @property
    def name(self) -> str:
        return self._spec.name

    def wants(self, labels: Mapping[str, str], state: str) -> bool:
        return self._spec.wants(labels, state)

    def send(self, notices: Sequence[Notice]) -> None:
        """Raises DeliveryError: the notifier cannot be imported or made, is none, or fails."""
        notifier = self._notifier()
        alerts = [notice.alert for notice in notices]
        told = {"alerts": alerts, "alert": alerts[0], "status": notices[0].state, "message": text_of(notices)}
        try:
            notifier({**self._context, **told})
        except Exception as error:  # a notifier may be anyone's code
            raise DeliveryError(f"The notifier of {self.name} failed: {_short(error)}.") from None

    def _notifier(self) -> BaseNotifier:
        from airflow.sdk import BaseNotifier

        path = str(self._spec.notifier)
        module, _, name = path.rpartition(".")
        try:
            notifier = getattr(import_module(module), name)(**self._spec.kwargs)
        except Exception as error:  # importing and making it runs anyone's code
            raise DeliveryError(f"The notifier {path} of {self.name} cannot be made: {_short(error)}.") from None
        if not isinstance(notifier, BaseNotifier):
            raise DeliveryError(f"{path}, which {self.name} names, is no Airflow notifier.")
        return notifier


def text_of(notices: Sequence[Notice]) -> str:
    """What happened, a line an alert: `FIRING critical ServiceUnhealthy: evolution does not answer …`."""
    return "\n".join(
        f"{notice.state.upper()} {notice.alert['severity']} {notice.alert['alert']}: {notice.alert['message']}"
        for notice in notices
    )


class _Unusable:
    """A receiver that is configured but cannot be had."""

    def __init__(self, spec: AlertReceiver, why: str) -> None:
        self._spec, self._why = spec, why

    @property
    def name(self) -> str:
        return self._spec.name

    def wants(self, labels: Mapping[str, str], state: str) -> bool:
        return self._spec.wants(labels, state)

    def send(self, notices: Sequence[Notice]) -> None:
        raise DeliveryError(self._why)


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return mask(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__).rstrip(".")
