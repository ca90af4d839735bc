"""`airflow dean deploy` and `airflow dean deployment ...`: deploying where no Airflow runs."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError

if TYPE_CHECKING:
    from dean_airflow.deployment.deployer import Deployer
    from dean_airflow.deployment.rollout.request import DeployRequest

_CONFIG_KEYS = {
    "deployment_dir": "directory",
    "directory": "directory",
    "environment": "environment",
    "strategy": "strategy",
    "backend": "backend",
    "services": "services",
    "template_vars": "variables",
    "service_timeout": "service_timeout",
    "rollback_to": "rollback_to",
    "dry_run": "dry_run",
    "probes": "probes",
    "check_only": "check_only",
}
"""Keys of a --config file, and what they are of the request."""


@command
def deploy(args: Any) -> int:
    """Deploy a directory, saying how it goes on stderr, and print the report; 1 where it did not succeed."""
    from dean_airflow.deployment.report import as_json, as_text
    from dean_airflow.deployment.rollout.report import report_text

    request, check_only = request_of(args)
    deployer = _deployer()
    if check_only:
        result = deployer.validate(request)
        print(as_json(result) if args.json else as_text(result))
        return 0 if result.valid else FAILED
    report = deployer.deploy(request)
    print(json.dumps(report, indent=2) if args.json else report_text(report))
    return 0 if report["success"] else FAILED


@command
def status(args: Any) -> int:
    """Print what runs of a directory; 1 where something does not."""
    found = _deployer().status(args.directory)
    services: dict[str, dict[str, Any]] = found["services"]
    if args.json:
        print(json.dumps(found, indent=2))
    elif not services:
        print(f"Nothing is deployed from {found['directory']}.")
    for name, one in () if args.json else services.items():
        print(f"{name:20} {one['state']:10} {one['release']}  {one['listen'] or '-':24} since {one['since']}")
    if found["deploying"] and not args.json:
        print(f"{found['deploying']} is at work here.")
    return FAILED if any(one["state"] not in ("running", "starting") for one in services.values()) else 0


@command
def up(args: Any) -> int:
    """Start what is deployed and does not run, as after a restart of the machine."""
    started = _deployer().up(args.directory)
    print(f"Started: {', '.join(started)}." if started else "Everything that is deployed runs already.")
    return 0


@command
def down(args: Any) -> int:
    """Stop everything that is deployed from a directory."""
    stopped = _deployer().down(args.directory, destructive=args.destructive)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was deployed.")
    return 0


@command
def backups(args: Any) -> int:
    """Print the backups of a directory, newest first."""
    found = _deployer().backups(args.directory)
    if args.json:
        print(json.dumps([{"name": one.name, "at": one.at, "releases": dict(one.releases)} for one in found], indent=2))
        return 0
    for one in found:
        ran = ", ".join(f"{service} {release}" for service, release in one.releases.items()) or "nothing ran"
        print(f"{one.name}  {one.at}  {ran}")
    if not found:
        print("There are no backups.")
    return 0


def request_of(args: Any) -> tuple[DeployRequest, bool]:
    """What is asked for: the options, over those of the --config file; and whether only to validate.

    Raises ConfigurationError, DeploymentError.
    """
    from dean_airflow.deployment.rollout.request import DeployRequest

    values = _from_file(Path(args.config)) if args.config else {}
    check_only = bool(values.pop("check_only", False)) or args.check_only
    given = {
        "directory": args.directory,
        "environment": args.environment,
        "strategy": args.strategy,
        "rollback_to": args.rollback_to,
        "services": tuple(args.service) if args.service else None,
        "dry_run": True if args.dry_run else None,
        "probes": False if args.no_probes else None,
    }
    values |= {name: value for name, value in given.items() if value is not None}
    values.setdefault("directory", "")
    return DeployRequest(requested_by=getpass.getuser(), **values), check_only


def _from_file(path: Path) -> dict[str, Any]:
    from dean_airflow.config_file import read_config_file

    found = read_config_file(path.expanduser(), os.environ).values
    if unknown := sorted(set(found) - set(_CONFIG_KEYS)):
        raise ConfigurationError(
            f"{path} has a key {unknown[0]!r} that nothing reads; it may have {', '.join(sorted(_CONFIG_KEYS))}."
        )
    kinds: dict[str, Any] = {"services": list, "variables": dict, "service_timeout": (int, float)}
    kinds |= dict.fromkeys(("dry_run", "probes", "check_only"), bool)
    values: dict[str, Any] = {}
    for key, value in found.items():
        name = _CONFIG_KEYS[key]
        if not isinstance(value, kinds.get(name, str)):
            raise ConfigurationError(f"{path}: {key} is {value!r}, which is not of its type.")
        values[name] = value
    if "services" in values:
        values["services"] = tuple(str(each) for each in values["services"])
    if "variables" in values:
        values["variables"] = {str(name): str(value) for name, value in values["variables"].items()}
    return values


def _deployer() -> Deployer:
    from dean_airflow.deployment.deployer import Deployer

    return Deployer(settings_in_process(), say=lambda line: print(line, file=sys.stderr))
