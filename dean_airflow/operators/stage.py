"""What every operator of a trial's stage shares: its trial, its engine, how it stops and how it fails."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dean_airflow.errors import DeanError, LeaseHeld, LeaseLost, TrialCancelled
from dean_airflow.links import TrialPageLink, TrialReportLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.evolution.engine import Engine


class StopRequested(BaseException):
    """Airflow asked the task to end. Not an Exception: no stage may take it for a candidate's failure."""


class TrialStageOperator(BaseOperator):
    """Runs one stage of an evolution trial; idempotent, so that Airflow may retry or clear it at any time.

    A DeanError (the user's input, the target, the installation) fails the task at once with its one sentence; an
    island that another task still holds, and any other exception, is left to Airflow's retries. Told to end, the stage
    is stopped where it is and nothing it started survives.

    :param trial_id: the trial to work on (templated). By default the one given by the run's `trial_id` param, else
        the run's own: the same for every task and every attempt of the run.
    """

    template_fields: Sequence[str] = ("trial_id",)
    operator_extra_links = (TrialPageLink(), TrialReportLink())
    ui_color = "#e6f2ea"

    def __init__(self, *, trial_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trial_id = trial_id
        self._stop = Event()
        self._in_stage = False

    @abstractmethod
    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> Any:
        """Call the stage; its answer is the task's XCom. `self.stopping` is for stages that ask whether to stop."""

    def execute(self, context: Context) -> Any:
        """Raises AirflowFailException for a DeanError, AirflowException when the task was told to end."""
        from dean_airflow.operators.engine import engine_in_task, trial_id_in_task

        engine: Engine | None = None
        try:
            self._in_stage = True
            engine = engine_in_task(context, self.log.info)
            self.trial_id = trial_id_in_task(self.trial_id, engine, context)
            return self.run_stage(self.trial_id, engine, context)
        except StopRequested:
            raise AirflowException("The task was told to end, and has stopped its stage.") from None
        except (TrialCancelled, LeaseLost) as error:  # the trial goes on, or has ended, without this task
            raise AirflowFailException(str(error)) from None
        except DeanError as error:
            if isinstance(error, LeaseHeld) and self._will_be_retried(context):
                raise
            self._record_failure(engine, str(error))
            raise AirflowFailException(str(error)) from None
        except Exception as error:
            if not self._will_be_retried(context):
                self._record_failure(engine, f"{type(error).__name__}: {error}")
            raise
        finally:
            self._in_stage = False

    def stopping(self) -> bool:
        """Has Airflow told the task to end?"""
        return self._stop.is_set()

    def on_kill(self) -> None:
        """Runs in the signal handler of the task's main thread, between any two steps of the stage, so that it also
        ends a stage that never asks.
        """
        self._stop.set()
        if self._in_stage:
            self._in_stage = False
            raise StopRequested

    def _will_be_retried(self, context: Context) -> bool:
        task = context["ti"]
        return task.try_number <= task.max_tries

    def _record_failure(self, engine: Engine | None, message: str) -> None:
        """The trial has failed for good: said in the store, so that the closing task does not call it cancelled."""
        from dean_airflow.evolution.trial import fail_trial

        if engine is None or not self.trial_id:
            return
        try:
            fail_trial(self.trial_id, engine, message)
        except DeanError as error:
            self.log.warning("The trial's failure could not be recorded: %s", error)
