"""Which services are not healthy now. Rules, delivery and silences are the alert engine's: see `alerts/`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dean_airflow.metrics.collection import Collection

SEVERITIES = {"unhealthy": "critical", "degraded": "warning"}


@dataclass(frozen=True)
class HealthAlert:
    service: str
    severity: str
    message: str
    timestamp: str
    """Since when the service is so, ISO 8601."""


class HealthAlerts:
    """One alert a service, from the first collection that found it so to the first that does not."""

    def __init__(self) -> None:
        self._active: dict[str, HealthAlert] = {}

    def update(self, collection: Collection) -> None:
        for name, reading in collection.readings.items():
            severity = SEVERITIES.get(reading.health.status) if reading.health is not None else None
            known = self._active.get(name)
            if severity is None:
                self._active.pop(name, None)
            elif known is None or known.severity != severity:
                assert reading.health is not None
                why = reading.health.error or reading.health.text
                message = f"{name} is {reading.health.status}" + (f": {why}" if why else "")
                self._active[name] = HealthAlert(name, severity, message, collection.at.isoformat())

    def active(self) -> list[dict[str, Any]]:
        return [asdict(self._active[name]) for name in sorted(self._active)]
