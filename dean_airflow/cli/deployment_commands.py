"""`airflow dean deploy` and `deployment ...`: what they are called and take. Imports nothing of the rooms."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, lazy_load_command


def _arg(flag: str, **rest: Any) -> Arg:
    return Arg((flag,), **rest)  # type: ignore[no-untyped-call]


_JSON = _arg("--json", help="Print JSON", action="store_true")
_DIRECTORY = _arg("directory", help="Where the compose file or dean-deployment.yaml is")
_ENVIRONMENT = _arg(
    "--environment",
    help="By default what dean-deployment.yaml says, else local",
    choices=("local", "staging", "production"),
)
_NO_PROBES = _arg(
    "--no-probes", help="Look at the files alone: ask neither this machine nor the network", action="store_true"
)

DEPLOY = ActionCommand(
    name="deploy",
    help="Deploy a directory's services: validate, back up, roll out, verify, or take everything back",
    func=lazy_load_command("dean_airflow.cli.deploy.deploy"),
    args=(
        _arg("directory", help="Where the compose file or dean-deployment.yaml is", nargs="?"),
        _ENVIRONMENT,
        _arg("--strategy", help="recreate stops the old release first; blue_green starts the new one beside it",
            choices=("recreate", "blue_green")),
        _arg("--service", help="Only this service; may be repeated", action="append", metavar="NAME"),
        _arg("--rollback-to", help="Go back to a backup, or to before a deployment", metavar="NAME"),
        _arg("--dry-run", help="Only say what would be done, and touch nothing", action="store_true"),
        _arg("--check-only", help="Only validate", action="store_true"),
        _arg("--config", help="YAML or JSON file with what is asked for; options win", metavar="FILE"),
        _NO_PROBES,
        _JSON,
    ),
)  # fmt: skip

DEPLOYMENT_COMMANDS = (
    ActionCommand(
        name="validate",
        help="Look for what is wrong with a deployment before it is deployed",
        func=lazy_load_command("dean_airflow.cli.deployment.validate"),
        args=(
            _DIRECTORY,
            _ENVIRONMENT,
            _JSON,
            _arg("--junit", help="Write a JUnit report to this file, too", metavar="FILE"),
            _arg("--fix", help="Repair what is safe first, and show what was changed", action="store_true"),
            _NO_PROBES,
        ),
    ),
    DEPLOY,
    ActionCommand(
        name="rotate",
        help="Rotate a secret of a deployment, or go on with its rotation",
        func=lazy_load_command("dean_airflow.cli.rotation.rotate"),
        args=(
            _DIRECTORY,
            _arg("secret", help="Its name in `secrets` of dean-deployment.yaml"),
            _ENVIRONMENT,
            _arg(
                "--overlap-hours",
                help="How long the old value is accepted beside the new one; by default what the secret says, else 24",
                type=float,
                metavar="HOURS",
            ),
            _arg("--wait", help="Wait for the end of the overlap", action="store_true"),
            _arg("--abandon", help="Restore the old value of a rotation that is under way", action="store_true"),
            _JSON,
        ),
    ),
    ActionCommand(
        name="status",
        help="What runs of a directory",
        func=lazy_load_command("dean_airflow.cli.deploy.status"),
        args=(_DIRECTORY, _JSON),
    ),
    ActionCommand(
        name="up",
        help="Start what is deployed and does not run, as after a restart of the machine",
        func=lazy_load_command("dean_airflow.cli.deploy.up"),
        args=(_DIRECTORY,),
    ),
    ActionCommand(
        name="down",
        help="Stop everything that is deployed from a directory; backups and what services keep stay",
        func=lazy_load_command("dean_airflow.cli.deploy.down"),
        args=(
            _DIRECTORY,
            _arg("--destructive", help="Remove what services keep, and the backups, too", action="store_true"),
        ),
    ),
    ActionCommand(
        name="backups",
        help="The backups of a directory, newest first",
        func=lazy_load_command("dean_airflow.cli.deploy.backups"),
        args=(_DIRECTORY, _JSON),
    ),
)
