"""A receiver behind an address: gets Alertmanager's webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dean_airflow.alert_receivers import AlertReceiver
from dean_airflow.metrics.alerts.alertmanager import request_key, webhook_body
from dean_airflow.metrics.alerts.delivery import DeliveryError
from dean_airflow.services.call import Reply
from dean_airflow.services.credentials import Credential, NoCredential
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import ServiceError, ServiceTimeout
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.alert_notices import Notice

_ANSWER_BYTES = 1_000_000


class WebhookReceiver:
    """Sends through `pool`, in which it makes its address known under a name of its own."""

    def __init__(
        self,
        receiver: AlertReceiver,
        url: str,
        pool: SyncServicePool,
        *,
        credential: Credential | None = None,
        external_url: str = "",
    ) -> None:
        self._receiver, self._pool, self._external_url = receiver, pool, external_url
        self._endpoint = ServiceEndpoint(
            name=f"alerts to {receiver.name}",
            kind="http",
            url=url,
            credential=credential or NoCredential(),
            timeout=receiver.timeout,
            required=False,
            breaker=BreakerLimits(enabled=False),
        )

    @property
    def name(self) -> str:
        return self._receiver.name

    def wants(self, labels: Mapping[str, str], state: str) -> bool:
        return self._receiver.wants(labels, state)

    def send(self, notices: Sequence[Notice]) -> None:
        """Raises DeliveryError: not reached, no answer in time, or any answer but a 2xx."""
        body = webhook_body(notices, self.name, self._external_url)
        key = request_key(notices, self.name)

        async def post(pool: ServicePool) -> Reply:
            pool.add(self._endpoint)
            return await pool.http(self._endpoint.name).post(body, key=key, body_limit=_ANSWER_BYTES)

        try:
            reply = self._pool.run(post)
        except ServiceTimeout:
            raise DeliveryError(
                f"The webhook of {self.name} gave no answer within {self._receiver.timeout:g} s."
            ) from None
        except ServiceError:  # its own text names the address, whose path may be a secret
            raise DeliveryError(f"The webhook of {self.name} cannot be reached; check its address.") from None
        if not reply.ok:
            raise DeliveryError(f"The webhook of {self.name} answered {reply.status}.")
