"""`airflow dean deployment ...`: deployments from the command line, also where no Airflow runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError


@command
def validate(args: Any) -> int:
    """Run every check over a deployment, print the report, and answer 1 where an error blocks it."""
    from dean_airflow.deployment.report import as_json, as_junit, as_text
    from dean_airflow.deployment.validator import DeploymentValidator

    validator = DeploymentValidator(args.directory, environment=args.environment, with_probes=not args.no_probes)
    result = validator.validate(fix=args.fix)
    if args.junit:
        try:
            Path(args.junit).write_text(as_junit(result), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"The report {args.junit} cannot be written: {error.strerror}.") from None
    print(as_json(result) if args.json else as_text(result))
    return 0 if result.valid else FAILED
