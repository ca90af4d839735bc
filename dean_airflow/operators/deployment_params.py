"""The params that the DAGs of deployments share: what is deployed, where, and what is asked about it."""

from __future__ import annotations

from airflow.sdk import Param

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.deployment.description.deployment_file import ENVIRONMENTS


def directory_param(holds: str = "the compose file or dean-deployment.yaml") -> Param:
    """`deployment`: the directory, by default that of the settings; `holds` says by what it is known."""
    return Param(
        settings_from_airflow().deployment, f"Directory on the worker with {holds}.", type="string", title="Deployment"
    )


def environment_param() -> Param:
    """`environment`: one of ENVIRONMENTS, or empty."""
    return Param(
        None,
        "Empty: what dean-deployment.yaml says, else local.",
        type=["null", "string"],
        enum=[None, *ENVIRONMENTS],
        title="Environment",
    )


def probes_param(description: str) -> Param:
    """`probes`: whether the machine and the network are asked, too."""
    return Param(True, description, type="boolean", title="Probes")
