"""`airflow dean metrics status|show|query`: what they are called and take. Imports nothing of the rooms."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, lazy_load_command


def _arg(flag: str, **rest: Any) -> Arg:
    return Arg((flag,), **rest)  # type: ignore[no-untyped-call]


_JSON = _arg("--json", help="Print JSON", action="store_true")
_SERVICE = _arg("--service", help="Only of this service")

METRIC_COMMANDS = (
    ActionCommand(
        name="status",
        help="How every collected service is, as last seen within five minutes",
        func=lazy_load_command("dean_airflow.cli.metrics.status"),
        args=(_arg("--collect", help="Collect now, instead of reading what was collected", action="store_true"), _JSON),
    ),
    ActionCommand(
        name="show",
        help="The newest value of every metric",
        func=lazy_load_command("dean_airflow.cli.metrics.show"),
        args=(_SERVICE, _JSON),
    ),
    ActionCommand(
        name="query",
        help="How one metric went",
        func=lazy_load_command("dean_airflow.cli.metrics.query"),
        args=(
            _arg("name", help="Name of the metric, as `airflow dean metrics show` prints it"),
            _SERVICE,
            _arg("--match", help="Only series of this label: label=value, !=, =~ or !~; may be repeated",
                action="append", default=[], metavar="LABEL=VALUE"),
            _arg("--since", help="From how long ago: 90s, 30m, 1h, 7d", default="1h"),
            _arg("--step", help="Seconds, minutes or hours between two points; by default as many as a chart shows"),
            _arg("--show", help="average, minimum or maximum of a gauge; rate or increase of a counter"),
            _arg("--quantile", help="Of a histogram, between 0 and 1", type=float),
            _JSON,
        ),
    ),
)  # fmt: skip
