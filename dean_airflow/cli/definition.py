"""The commands below `airflow dean`."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command, positive_int


def _arg(flag: str, **rest: Any) -> Arg:
    return Arg((flag,), **rest)  # type: ignore[no-untyped-call]


_AT_LEAST_ONE = positive_int(allow_zero=False)  # type: ignore[no-untyped-call]
_JSON = _arg("--json", help="Print JSON", action="store_true")
_TRIAL = _arg("trial_id", help="Id of the trial, as `airflow dean evolution list` shows it")
_LIMIT = _arg("--limit", help="At most so many, newest first", type=_AT_LEAST_ONE, default=20)
_STATUS = _arg(
    "--status",
    help="Only trials of this status",
    choices=("pending", "initializing", "running", "monitoring", "completed", "failed", "cancelled"),
)
_START = (
    _arg("repository", help="Path or clone URL of the repository to improve"),
    _arg("--ref", help="Branch, tag or commit"),
    _arg("--generations", help="At most so many generations an island", type=int),
    _arg("--population", help="Candidates of a generation", type=int),
    _arg("--minutes", help="How long to search", type=float),
    _arg("--param", help="Any other param of dean_evolution_trial as name=value (JSON or text); may be repeated",
        action="append", default=[], metavar="NAME=VALUE"),
    _JSON,
)  # fmt: skip

_EVOLUTION = (
    ActionCommand(
        name="start",
        help="Run a trial here and now, without the scheduler",
        func=lazy_load_command("dean_airflow.cli.evolution.start"),
        args=_START,
    ),
    ActionCommand(
        name="list",
        help="List trials, newest first",
        func=lazy_load_command("dean_airflow.cli.evolution.list_trials"),
        args=(_STATUS, _LIMIT, _JSON),
    ),
    ActionCommand(
        name="status",
        help="Show one trial",
        func=lazy_load_command("dean_airflow.cli.evolution.status"),
        args=(_TRIAL, _JSON),
    ),
    ActionCommand(
        name="stop",
        help="Stop a trial: its islands end, its evaluations stay",
        func=lazy_load_command("dean_airflow.cli.evolution.stop"),
        args=(_TRIAL,),
    ),
)


def get_dean_cli_commands() -> list[CLICommand]:
    """What the provider's metadata names; called by every airflow command, so it imports nothing of the rooms."""
    return [
        GroupCommand(
            name="dean",
            help="Improve code by evolution (DEAN)",
            subcommands=(
                ActionCommand(
                    name="dags",
                    help="Print the DAG bundle entry that gives this Airflow DEAN's DAGs",
                    func=lazy_load_command("dean_airflow.cli.setup.dags"),
                    args=(),
                ),
                ActionCommand(
                    name="init",
                    help="Make the pool and the store, and check the set-up",
                    func=lazy_load_command("dean_airflow.cli.setup.init"),
                    args=(),
                ),
                GroupCommand(name="evolution", help="Trials", subcommands=_EVOLUTION),
                GroupCommand(
                    name="config",
                    help="DEAN's settings",
                    subcommands=(
                        ActionCommand(
                            name="show",
                            help="Show the settings in force, secrets masked",
                            func=lazy_load_command("dean_airflow.cli.setup.show_config"),
                            args=(_JSON,),
                        ),
                    ),
                ),
            ),
        )
    ]
