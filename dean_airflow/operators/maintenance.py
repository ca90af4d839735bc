"""Keeps what DEAN leaves on disk and in its store within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from dean_airflow.errors import DeanError

if TYPE_CHECKING:
    from airflow.sdk import Context


class MaintenanceOperator(BaseOperator):
    """Applies the retention settings on the machine it runs on; answers how much of what it removed."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowFailException for a DeanError, such as a store that cannot be reached."""
        from dean_airflow.evolution.maintenance import tidy
        from dean_airflow.operators.engine import engine_in_task

        try:
            with engine_in_task(context, self.log.info) as engine:
                return tidy(engine)
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
