"""The link from a task of a trial to the trial's report in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PLUGIN_PREFIX = "/dean"


def report_path(trial_id: str) -> str:
    """The path of a trial's report on Airflow's web server, below the path Airflow itself is served from."""
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{base}{PLUGIN_PREFIX}/trials/{trial_id}/report"


class TrialReportLink(BaseOperatorLink):
    """Made by the worker when its task ends; a task that never learnt its trial's id has no link."""

    name = "Trial report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """`operator` is a TrialStageOperator after its execute."""
        trial_id = getattr(operator, "trial_id", None)
        return report_path(trial_id) if trial_id else ""
