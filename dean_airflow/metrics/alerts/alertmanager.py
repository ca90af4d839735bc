"""The body of Alertmanager's webhook, version 4, which pagers and chats understand.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dean_airflow.store.alert_notices import Notice

NEVER = "0001-01-01T00:00:00Z"
"""The end of an alert that fires still, as Alertmanager writes it."""


def webhook_body(notices: Sequence[Notice], receiver: str, external_url: str = "") -> dict[str, Any]:
    """One request for notices of one batch: they share state and group."""
    alerts = [_alert(notice, external_url) for notice in notices]
    group = notices[0].group_labels
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(group.items())) + "}",
        "truncatedAlerts": 0,
        "status": notices[0].state,
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": external_url,
        "alerts": alerts,
    }


def request_key(notices: Sequence[Notice], receiver: str) -> str:
    """The same for the same notices to the same receiver, however often they are sent."""
    text = json.dumps([receiver, sorted(notice.key for notice in notices)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _alert(notice: Notice, external_url: str) -> dict[str, Any]:
    told = notice.alert
    return {
        "status": notice.state,
        "labels": told["labels"],
        "annotations": {"message": told["message"]},
        "startsAt": _time(told["starts_at"]),
        "endsAt": _time(told["ends_at"]) if told["ends_at"] else NEVER,
        "generatorURL": external_url,
        "fingerprint": notice.fingerprint,
    }


def _common(mappings: Sequence[dict[str, str]]) -> dict[str, str]:
    first, *rest = mappings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in rest)}


def _time(text: str) -> str:
    """RFC 3339 with Z."""
    return datetime.fromisoformat(text).isoformat().replace("+00:00", "Z")
