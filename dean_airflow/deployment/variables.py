"""What a deployment's files and commands may name besides what is written in them: the secrets of its secrets file."""

from __future__ import annotations

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.secrets_file import Secrets, secrets_of_deployment


def deployment_variables(deployment: Deployment) -> Secrets:
    """By name; they win over `.env`. Raises DeploymentError as reading the secrets file does."""
    return secrets_of_deployment(deployment)
