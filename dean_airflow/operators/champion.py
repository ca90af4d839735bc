"""What a champion starts: the deployment on its branch is validated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dean_airflow.assets import CHAMPION
from dean_airflow.errors import DeanError

if TYPE_CHECKING:
    from airflow.sdk import Context


class ChampionValidationOperator(BaseOperator):
    """Validates the deployment on the branches of the champions that started the run; fails where an error blocks one.

    Files only: what is on a branch is deployed nowhere yet. Skipped where there is no branch, or none of them holds a
    deployment. Answers one summary a branch.

    :param repository: with `branch`, what to look at in place of the run's champions (templated).
    :param branch: see `repository` (templated).
    :param folder: the deployment's folder in the repository; empty: its top (templated).
    :param environment: production, staging or local (templated); empty: what `dean-deployment.yaml` says, else local.
    """

    template_fields: Sequence[str] = ("repository", "branch", "folder", "environment")
    ui_color = "#e6ecf2"

    def __init__(
        self,
        *,
        repository: str = "{{ params.repository or '' }}",
        branch: str = "{{ params.branch or '' }}",
        folder: str = "{{ params.folder or '' }}",
        environment: str = "{{ params.environment or '' }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.repository = repository
        self.branch = branch
        self.folder = folder
        self.environment = environment

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Raises AirflowFailException for a branch that is not valid, AirflowSkipException for nothing to look at."""
        branches = self._branches(context)
        if not branches:
            raise AirflowSkipException("No champion with a branch started this run.")
        found = [self._validated(repository, branch) for repository, branch in branches]
        summaries = [each for each in found if each is not None]
        if not summaries:
            raise AirflowSkipException(f"No branch holds a deployment in {self.folder or 'its top folder'}.")
        wrong = [each for each in summaries if not each["valid"]]
        if wrong:
            raise AirflowFailException(" ".join(f"{each['branch']}: {each['summary']}" for each in wrong))
        return summaries

    def _branches(self, context: Context) -> list[tuple[str, str]]:
        if self.repository or self.branch:
            return [(self.repository, self.branch)]
        events = context["triggering_asset_events"].get(CHAMPION, [])
        extras = [event.extra for event in events]
        named = [(str(extra.get("branch_in") or ""), str(extra.get("branch") or "")) for extra in extras]
        return list(dict.fromkeys(pair for pair in named if all(pair)))

    def _validated(self, repository: str, branch: str) -> dict[str, Any] | None:
        """A summary, None where the branch holds no deployment."""
        from dean_airflow.deployment.branch import checked_out
        from dean_airflow.deployment.description.deployment import holds_deployment
        from dean_airflow.deployment.report import as_text
        from dean_airflow.deployment.validator import DeploymentValidator

        try:
            with checked_out(repository, branch, self.folder) as directory:
                if not holds_deployment(directory):
                    self.log.info("%s of %s holds no deployment.", branch, repository)
                    return None
                validator = DeploymentValidator(directory, environment=self.environment or None, with_probes=False)
                result = validator.validate()
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
        self.log.info("%s of %s:", branch, repository)
        for line in as_text(result).splitlines():
            self.log.info("%s", line)
        return {"repository": repository, "branch": branch, "valid": result.valid, "summary": result.summary}
