"""What is asked of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dean_airflow.errors import DeploymentError

BACKENDS = ("process", "compose")


@dataclass(frozen=True)
class DeployRequest:
    """`services` limits the deployment to some (empty: all). `rollback_to` names a backup to go back to.

    Empty `environment`, `strategy` and `backend` are what `dean-deployment.yaml` says. `service_timeout` is how many
    seconds a release has to become healthy where the description does not say; `variables` are values that the
    description may name, never kept. `probes`: whether the machine is asked before anything is done.
    """

    directory: str
    environment: str = ""
    strategy: str = ""
    backend: str = ""
    services: tuple[str, ...] = ()
    rollback_to: str = ""
    dry_run: bool = False
    probes: bool = True
    service_timeout: float = 300.0
    requested_by: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.directory.strip():
            raise DeploymentError("No deployment is named; give its directory.")
        if not 0 < self.service_timeout <= 86_400:
            raise DeploymentError(f"service_timeout is {self.service_timeout:g}; it must be from 1 to 86400 seconds.")

    def as_json(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "services": list(self.services),
            "rollback_to": self.rollback_to,
            "probes": self.probes,
            "service_timeout": self.service_timeout,
        }
