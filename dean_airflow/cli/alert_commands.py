"""What `airflow dean metrics` has for alerts: its commands and their arguments."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command


def _arg(flag: str, **rest: Any) -> Arg:
    return Arg((flag,), **rest)  # type: ignore[no-untyped-call]


_JSON = _arg("--json", help="Print JSON", action="store_true")
_ENDED = _arg("--all", help="Those that are over, too", action="store_true")

_SILENCE = (
    ActionCommand(
        name="add",
        help="Silence the alerts that have all of these labels",
        func=lazy_load_command("dean_airflow.cli.alerts.add_silence"),
        args=(
            _arg("label", nargs="+", metavar="LABEL=VALUE", help="A label, such as service=evolution"),
            _arg("--for", dest="duration", required=True, metavar="DURATION", help="For how long: 30m, 2h, 7d"),
            _arg("--reason", required=True, help="Why, for whoever wonders"),
            _JSON,
        ),
    ),
    ActionCommand(
        name="list",
        help="List silences",
        func=lazy_load_command("dean_airflow.cli.alerts.list_silences"),
        args=(_ENDED, _JSON),
    ),
    ActionCommand(
        name="end",
        help="End a silence now",
        func=lazy_load_command("dean_airflow.cli.alerts.end_silence"),
        args=(_arg("silence_id", help="Id of the silence, as `silence list` shows it"),),
    ),
)

ALERT_COMMANDS = (
    ActionCommand(
        name="alerts",
        help="List the alerts that are pending or fire",
        func=lazy_load_command("dean_airflow.cli.alerts.list_alerts"),
        args=(_ENDED, _JSON),
    ),
    GroupCommand(name="silence", help="Silences of alerts", subcommands=_SILENCE),
    ActionCommand(
        name="test-rules",
        help="Check a file of alert rules, show them as PromQL, and try them on series",
        func=lazy_load_command("dean_airflow.cli.alerts.test_rules"),
        args=(
            _arg("file", nargs="?", help="The rules; without it the shipped ones"),
            _arg("--series", metavar="FILE", help="Series to try them on, in promtool's notation"),
            _arg("--prometheus", help="Print them as a Prometheus rules file", action="store_true"),
            _JSON,
        ),
    ),
)
