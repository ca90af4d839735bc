"""`airflow dean deployment ...`: deployments from the command line, also where no Airflow runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError, DeanError

if TYPE_CHECKING:
    from dean_airflow.deployment.result import ValidationResult

STORE_SECONDS = 2.0
"""How long a store that does not answer holds up a report."""


@command
def validate(args: Any) -> int:
    """Run every check over a deployment, print the report, and answer 1 where an error blocks it."""
    from dean_airflow.deployment.report import as_json, as_junit, as_text
    from dean_airflow.deployment.validator import DeploymentValidator

    validator = DeploymentValidator(args.directory, environment=args.environment, with_probes=not args.no_probes)
    result = validator.validate(fix=args.fix)
    _keep(result)
    if args.junit:
        try:
            Path(args.junit).write_text(as_junit(result), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"The report {args.junit} cannot be written: {error.strerror}.") from None
    print(as_json(result) if args.json else as_text(result))
    return 0 if result.valid else FAILED


def _keep(result: ValidationResult) -> None:
    """The report is kept for the UI where there is a store; validating makes none, and needs none."""
    from sqlalchemy.exc import SQLAlchemyError

    from dean_airflow.airflow_settings import settings_from_airflow, settings_in_process
    from dean_airflow.store.store import Store

    try:
        try:
            url = settings_in_process().store
        except SQLAlchemyError:  # no migrated Airflow, and so no connections
            url = settings_from_airflow().store
        if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:///")).is_file():
            return
        with Store.open(url, patience=STORE_SECONDS) as store:
            store.validations.save(result.as_json())
    except DeanError as error:
        print(f"The report could not be kept: {error}", file=sys.stderr)
