"""Links from a task to what it works on, in Airflow's UI: a trial's page and its report, a deployment's page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PLUGIN_PREFIX = "/dean"
VIEW = "/plugin/dean"
"""Where Airflow's UI shows DEAN's pages: in a frame, whose own path follows."""


def report_path(trial_id: str) -> str:
    """The path of a trial's report on Airflow's web server, below the path Airflow itself is served from."""
    return f"{_base()}{PLUGIN_PREFIX}/trials/{trial_id}/report"


def trial_page_path(trial_id: str) -> str:
    """The path of a trial's page within Airflow's UI."""
    return f"{_base()}{VIEW}{_base()}{PLUGIN_PREFIX}/dashboard/trials/{trial_id}"


def deployment_page_path(deployment_id: str) -> str:
    """The path of a deployment's page within Airflow's UI."""
    return f"{_base()}{VIEW}{_base()}{PLUGIN_PREFIX}/dashboard/deployments/{deployment_id}"


def _base() -> str:
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


class TrialReportLink(BaseOperatorLink):
    """Made by the worker when its task ends; a task that never learnt its trial's id has no link."""

    name = "Trial report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """`operator` is a TrialStageOperator after its execute."""
        trial_id = getattr(operator, "trial_id", None)
        return report_path(trial_id) if trial_id else ""


class TrialPageLink(BaseOperatorLink):
    """To the trial as it happens. Made by the worker when its task ends, as the report's is."""

    name = "Trial"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """`operator` has a `trial_id` after its execute, or none was found."""
        trial_id = getattr(operator, "trial_id", None)
        return trial_page_path(trial_id) if trial_id else ""


class DeploymentPageLink(BaseOperatorLink):
    """To the deployment a task works on."""

    name = "Deployment"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """`operator` has a `deployment_id` after its execute, or none was found."""
        deployment_id = getattr(operator, "deployment_id", None)
        return deployment_page_path(deployment_id) if deployment_id else ""
