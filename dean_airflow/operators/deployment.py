"""Deployments as tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from dean_airflow.errors import DeanError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.deployment.result import ValidationResult


class DeploymentValidationOperator(BaseOperator):
    """Validates a deployment directory of the worker's machine; fails the task where an error blocks it.

    The whole report is in the task's log. Answers a summary with the ids and places of warnings, so that XCom stays
    small.

    :param deployment: the directory (templated).
    :param environment: production, staging or local (templated); empty: what `dean-deployment.yaml` says, else local.
    :param probes: whether the machine and the network are asked, too (templated).
    """

    template_fields: Sequence[str] = ("deployment", "environment", "probes")
    ui_color = "#e6ecf2"

    def __init__(
        self,
        *,
        deployment: str = "{{ params.deployment }}",
        environment: str | None = "{{ params.environment or '' }}",
        probes: bool | str = "{{ params.probes }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.environment = environment
        self.probes = probes

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowFailException for a deployment that is not valid, and for one that cannot be looked at."""
        from dean_airflow.deployment.report import as_text
        from dean_airflow.deployment.validator import DeploymentValidator

        if not self.deployment.strip():
            raise AirflowFailException("No deployment is named: give the param `deployment`, or set [dean] deployment.")
        with_probes = self.probes if isinstance(self.probes, bool) else self.probes.strip().lower() == "true"
        try:
            validator = DeploymentValidator(
                self.deployment, environment=self.environment or None, with_probes=with_probes
            )
            result = validator.validate()
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
        for line in as_text(result).splitlines():
            self.log.info("%s", line)
        self._keep(result)
        if not result.valid:
            worst = "; ".join(f"{f.id} {f.place}: {f.what}" for f in result.errors[:5])
            raise AirflowFailException(f"{result.summary} {worst}")
        return {
            "valid": result.valid,
            "summary": result.summary,
            "environment": result.environment,
            "warnings": [f"{finding.id} {finding.place}" for finding in result.warnings],
            "not_checked": [each.id for each in result.not_checked],
        }

    def _keep(self, result: ValidationResult) -> None:
        """The report is kept for the UI; a store that cannot be reached takes nothing from the verdict."""
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.store.store import Store

        try:
            with Store.open(settings_in_process().store) as store:
                store.validations.save(result.as_json())
        except DeanError as error:
            self.log.warning("The report could not be kept: %s", error)
