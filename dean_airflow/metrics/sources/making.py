"""Making samples of values that come from outside, where anything may come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dean_airflow.metrics.names import METRICS
from dean_airflow.metrics.sample import METRIC_NAME, MetricType, Sample, labels_of
from dean_airflow.metrics.series import SERVICE

NAME_LENGTH = 200
LABEL_LENGTH = 250
LABELS_AT_MOST = 30
"""More, or longer, than any sane metric has; Prometheus' own recommended limits are of this size."""
EXPORTED = "exported_"
"""Put before a label that would be taken for ours, as Prometheus does."""

_NO_NAME = re.compile(r"[^a-zA-Z0-9_:]+")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]+")


class SampleMaker:
    """Collects the samples of one look at one service; what is not usable is counted in `left_out`, never raised."""

    def __init__(self, service: str, at: int) -> None:
        self.service, self.at = service, at
        self.samples: list[Sample] = []
        self.left_out = 0

    def add(
        self,
        name: str,
        value: Any,
        labels: Mapping[str, Any] | None = None,
        kind: MetricType | None = None,
        at: int | None = None,
    ) -> None:
        """One sample; None is no value, and makes none. `kind` is the declared one of DEAN's metrics, else gauge."""
        if value is None:
            return
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            self.left_out += 1
            return
        if not METRIC_NAME.fullmatch(name) or len(name) > NAME_LENGTH or len(labels or ()) > LABELS_AT_MOST:
            self.left_out += 1
            return
        known = METRICS.get(name)
        kind = kind or (known.type if known is not None else "gauge")
        texts = {safe_label(label): _shortened(text) for label, text in (labels or {}).items()}
        self.samples.append(Sample(self.service, name, number, self.at if at is None else at, labels_of(texts), kind))


def safe_name(text: str) -> str:
    """The text as the name of a metric: whatever may not be in one becomes an underscore."""
    name = _NO_NAME.sub("_", text).strip("_")
    return f"_{name}" if not name or name[0].isdigit() else name


def safe_label(text: str) -> str:
    """The text as the name of a label; `service` is ours, so another's becomes `exported_service`."""
    name = _NO_LABEL.sub("_", text)
    if not name or name[0].isdigit():
        name = f"_{name}"
    return EXPORTED + name if name == SERVICE else name


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"
