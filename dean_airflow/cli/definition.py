"""The commands below `airflow dean`."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command, positive_int

from dean_airflow.cli.alert_commands import ALERT_COMMANDS
from dean_airflow.cli.deployment_commands import DEPLOY, DEPLOYMENT_COMMANDS
from dean_airflow.cli.metric_commands import METRIC_COMMANDS


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
    _arg("--remote", help="On the Evolution service of the dean_evolution connection, not on this machine",
        action="store_true"),
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

_ROLES = ("viewer", "user", "admin", "service")
_KEYS = (
    ActionCommand(
        name="create",
        help="Make an API key and print it, once",
        func=lazy_load_command("dean_airflow.cli.auth.create_key"),
        args=(
            _arg("name", help="Whom or what it is for"),
            _arg("--role", help="A role it has; may be repeated", action="append", required=True, choices=_ROLES),
            _arg("--days", help="How long it is good for", type=_AT_LEAST_ONE, default=180),
            _JSON,
        ),
    ),
    ActionCommand(
        name="list",
        help="List API keys, newest first",
        func=lazy_load_command("dean_airflow.cli.auth.list_keys"),
        args=(_JSON,),
    ),
    ActionCommand(
        name="revoke",
        help="Refuse an API key from now on",
        func=lazy_load_command("dean_airflow.cli.auth.revoke_key"),
        args=(_arg("key_id", help="Id of the key, as `airflow dean auth keys list` shows it"),),
    ),
)
_AUTH = (
    GroupCommand(name="keys", help="API keys of the servers", subcommands=_KEYS),
    ActionCommand(
        name="token",
        help="Print a service token signed by the newest key",
        func=lazy_load_command("dean_airflow.cli.auth.token"),
        args=(
            _arg("service", help="The service it is for", choices=("evolution", "indexagent")),
            _arg("--role", help="A role it has; may be repeated", action="append", required=True, choices=_ROLES),
            _arg("--subject", help="Who calls", default="dean-airflow"),
            _arg("--user", help="On whose behalf (default: who runs this)"),
            _arg("--minutes", help="How long it is good for", type=_AT_LEAST_ONE, default=24 * 60),
        ),
    ),
    GroupCommand(
        name="signing-keys",
        help="Keys that service tokens are signed by",
        subcommands=(
            ActionCommand(
                name="rotate",
                help="Make a new key; the one before verifies for 24 hours more",
                func=lazy_load_command("dean_airflow.cli.auth.rotate"),
                args=(),
            ),
        ),
    ),
)
_PORT = _arg("--port", help="Port to listen on (default: the setting; 0: any free one)", type=int)
_HOST = _arg("--host", help="Address to listen on (default: the setting server_host)")
_FD = _arg("--fd", help="Descriptor of a listening socket that was handed over, in place of a port", type=int)
_SERVE = (
    ActionCommand(
        name="evolution",
        help="Serve the Evolution API until stopped",
        func=lazy_load_command("dean_airflow.cli.serve.evolution"),
        args=(_PORT, _HOST, _FD),
    ),
    ActionCommand(
        name="indexagent",
        help="Serve IndexAgent until stopped",
        func=lazy_load_command("dean_airflow.cli.serve.indexagent"),
        args=(_PORT, _HOST, _FD),
    ),
)
_NAME = _arg("name", help="Name of the service, as `airflow dean circuit-breaker list` shows it")
_CIRCUITS = (
    ActionCommand(
        name="list",
        help="List circuit breakers, as all processes share them",
        func=lazy_load_command("dean_airflow.cli.services.list_circuits"),
        args=(_JSON,),
    ),
    ActionCommand(
        name="reset",
        help="Close a circuit breaker",
        func=lazy_load_command("dean_airflow.cli.services.reset_circuit"),
        args=(_NAME,),
    ),
    ActionCommand(
        name="configure",
        help="Set when a circuit breaker opens and closes",
        func=lazy_load_command("dean_airflow.cli.services.configure_circuit"),
        args=(
            _NAME,
            _arg("--failures", help="It opens after so many in a row", type=_AT_LEAST_ONE),
            _arg("--open-seconds", help="It is tried again after so long", type=float),
            _arg("--successes", help="It closes after so many in a row", type=_AT_LEAST_ONE),
            _arg("--defaults", help="Take every limit back to the default", action="store_true"),
        ),
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
                    name="metrics",
                    help="What is measured, and alerts",
                    subcommands=(*METRIC_COMMANDS, *ALERT_COMMANDS),
                ),
                ActionCommand(
                    name="status",
                    help="Ask every configured service how it is",
                    func=lazy_load_command("dean_airflow.cli.services.status"),
                    args=(_JSON,),
                ),
                GroupCommand(
                    name="circuit-breaker", help="What keeps dead services from being called", subcommands=_CIRCUITS
                ),
                GroupCommand(name="serve", help="The servers of the service contracts", subcommands=_SERVE),
                GroupCommand(name="auth", help="Who may call the servers", subcommands=_AUTH),
                DEPLOY,
                GroupCommand(name="deployment", help="Deployments", subcommands=DEPLOYMENT_COMMANDS),
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
