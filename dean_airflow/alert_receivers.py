"""Who is told of alerts, as it is written in the setting `alert_receivers`. Nothing here imports airflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

RESERVED_NAME = "asset"
"""The receiver that stands for the asset `dean_alert`."""
_SHOWN = "***"


class AlertReceiver(BaseModel):
    """One receiver: exactly one of `webhook`, `connection` and `notifier` says how it is told.

    `match`: only alerts with these labels; `resolved`: is it told of the end of alerts, too? `timeout` is in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    webhook: str | None = None
    connection: str | None = None
    notifier: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    match: dict[str, str] = Field(default_factory=dict)
    resolved: bool = True
    timeout: float = Field(default=10.0, gt=0, le=120)

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name == RESERVED_NAME:
            raise ValueError(f"the name {RESERVED_NAME} is taken by the asset dean_alert")
        return name

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("webhook must be an address such as https://host/path")
        if parts.username or parts.password:
            raise ValueError("webhook must hold no login; name a connection, which keeps it secret")
        return url

    @model_validator(mode="after")
    def _has_one_way(self) -> AlertReceiver:
        ways = [way for way in ("webhook", "connection", "notifier") if getattr(self, way)]
        if len(ways) != 1:
            raise ValueError(f"{self.name} needs exactly one of webhook, connection and notifier")
        if self.kwargs and ways != ["notifier"]:
            raise ValueError(f"{self.name} has kwargs, which only a notifier takes")
        return self

    def wants(self, labels: Mapping[str, str], state: str) -> bool:
        """Is it told of an alert with these labels in this state?"""
        if state == "resolved" and not self.resolved:
            return False
        return all(labels.get(name, "") == value for name, value in self.match.items())

    def public(self) -> dict[str, Any]:
        """What may be shown: the address without its path, which often is a secret, and no argument's value."""
        shown = self.model_dump(mode="json", exclude_defaults=True)
        if self.webhook is not None:
            parts = urlsplit(self.webhook)
            shown["webhook"] = f"{parts.scheme}://{parts.netloc}/{_SHOWN}"
        if self.kwargs:
            shown["kwargs"] = dict.fromkeys(self.kwargs, _SHOWN)
        return shown


def with_own_names(receivers: tuple[AlertReceiver, ...]) -> tuple[AlertReceiver, ...]:
    """Raises ValueError where two receivers have the same name."""
    seen: set[str] = set()
    for receiver in receivers:
        if receiver.name in seen:
            raise ValueError(f"two receivers are called {receiver.name}")
        seen.add(receiver.name)
    return receivers
