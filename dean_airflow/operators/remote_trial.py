"""A trial on another DEAN: started there, waited for without a worker slot, and cancelled there when it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dean_airflow.links import TrialPageLink, TrialReportLink
from dean_airflow.operators.trial import CloseTrialOperator
from dean_airflow.remote_setup import EVOLUTION_CONNECTION, INDEXAGENT_CONNECTION, RemoteSetup, remote_setup

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.evolution.engine import Engine

T = TypeVar("T")
Say = Callable[[str], object]

BEHIND_THE_DEADLINE = timedelta(minutes=5)
"""The trigger keeps the trial's deadline; Airflow's own timeout is for a trigger that is not run."""


class RemoteTrialOperator(BaseOperator):
    """Starts a trial on an Evolution service and waits for its result, which is the task's XCom.

    While it waits the task is deferred and holds no worker slot. Retried or run again after a crash it attaches to the
    trial it had started; nothing is started twice. A service that is away or failing is left to Airflow's retries;
    what it refuses fails the task at once. A task that fails for good, is killed, meets the trial's deadline or is
    marked as failed has its trial cancelled at the service, and what else it did there taken back.

    :param config: the trial's params by name, as in TrialConfig (templated). By default the DAG run's own params.
    :param trial_id: our id of the trial (templated). By default the one given by the run's `trial_id` param, else the
        run's own: the same for every attempt of the run.
    :param timeout_seconds: how long the whole trial may take (templated). By default the run's param of that name,
        else 120 s for each of `max_runtime_minutes`.
    :param poll_seconds: at least so often the trial is looked at.
    :param evolution_conn_id: connection of the Evolution service.
    :param indexagent_conn_id: connection of IndexAgent; one that does not exist means that there is none.
    :param deferrable: False waits in the worker's slot, for an Airflow without a triggerer.
    """

    template_fields: Sequence[str] = ("config", "trial_id", "timeout_seconds")
    operator_extra_links = (TrialPageLink(), TrialReportLink())
    ui_color = "#e6f2ea"

    def __init__(
        self,
        *,
        config: Mapping[str, Any] | None = None,
        trial_id: str | None = None,
        timeout_seconds: float | None = None,
        poll_seconds: float | None = None,
        evolution_conn_id: str = EVOLUTION_CONNECTION,
        indexagent_conn_id: str = INDEXAGENT_CONNECTION,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.trial_id = trial_id
        self.timeout_seconds = timeout_seconds
        self.poll_seconds = poll_seconds
        self.evolution_conn_id = evolution_conn_id
        self.indexagent_conn_id = indexagent_conn_id
        self.deferrable = deferrable
        self._working: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def execute(self, context: Context) -> Any:
        """Raises AirflowFailException for what cannot be mended by trying again."""
        setup = self._setup(context)
        remote_id, seconds = self._work(context, setup, _start(setup, self.log.info))
        if not self.deferrable:
            return self._work(context, setup, _wait_and_finish(setup, remote_id, self.log.info))
        from dean_airflow.triggers.trial import RemoteTrialTrigger

        self.defer(
            trigger=RemoteTrialTrigger(setup.serialized(), remote_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, seconds)) + BEHIND_THE_DEADLINE,
        )

    def execute_complete(self, context: Context, event: Mapping[str, str]) -> Any:
        """After the waiting, in a worker again. Raises as `execute`."""
        setup = self._setup(context)
        self.log.info("%s", event["message"])
        return self._work(context, setup, _conclude(setup, event, self.log.info))

    def on_kill(self) -> None:
        """Runs in the signal handler of the task's main thread: what is under way is broken off, then taken back."""
        if self._working is not None:
            loop, task = self._working
            loop.call_soon_threadsafe(task.cancel)

    def _setup(self, context: Context) -> RemoteSetup:
        params = dict(context["params"]) if self.config is None else dict(self.config)
        given = {"timeout_seconds": self.timeout_seconds, "poll_seconds": self.poll_seconds}
        params.update({name: float(value) for name, value in given.items() if value is not None})
        connections = {"evolution": self.evolution_conn_id, "indexagent": self.indexagent_conn_id}
        self.trial_id = _trial_id(self.trial_id, context)
        return remote_setup(context, self.trial_id, params, connections)

    def _work(self, context: Context, setup: RemoteSetup, work: Coroutine[Any, Any, T]) -> T:
        """What the work answers; when it fails for good, everything is taken back first."""
        from dean_airflow.errors import DeanError, LeaseLost
        from dean_airflow.services.remote.trial import worth_another_try

        try:
            return asyncio.run(self._stoppable(work))
        except asyncio.CancelledError as killed:
            self._take_back(setup, killed)
            raise AirflowException("The task was told to end; its remote trial was cancelled.") from None
        except LeaseLost as error:  # the trial goes on without this task
            raise AirflowFailException(str(error)) from None
        except DeanError as error:
            if worth_another_try(error) and self._will_be_retried(context):
                raise
            self._take_back(setup, error)
            raise AirflowFailException(str(error)) from None
        except Exception as error:
            if not self._will_be_retried(context):
                self._take_back(setup, error)
            raise

    async def _stoppable(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._working = (asyncio.get_running_loop(), task)
        try:
            return await task
        finally:
            self._working = None

    def _take_back(self, setup: RemoteSetup, reason: BaseException) -> None:
        """Whatever goes wrong here is said, and done again by the task that closes the trial."""
        from dean_airflow.errors import DeanError

        try:
            result = asyncio.run(_stop(setup, reason, self.log.info))
        except DeanError as error:
            self.log.warning("What was done at the services could not be taken back: %s", error)
            return
        for left in result.get("not_taken_back", ()):
            self.log.warning("Not taken back: %s", left)

    def _will_be_retried(self, context: Context) -> bool:
        task = context["ti"]
        return task.try_number <= task.max_tries


class CloseRemoteTrialOperator(CloseTrialOperator):
    """Ends a remote trial whatever happened, as a teardown with `on_failure_fail_dagrun=True`.

    A trial whose other tasks have not all succeeded is cancelled at the service, and what else was done there is taken
    back in reverse; what cannot be is listed and the rest goes on. Then the task fails, so that the run's state is
    true also after *Mark failed*. Answers the trial's final result, and announces it as CloseTrialOperator does.

    :param evolution_conn_id: connection of the Evolution service.
    :param indexagent_conn_id: connection of IndexAgent.
    """

    def __init__(
        self,
        *,
        evolution_conn_id: str = EVOLUTION_CONNECTION,
        indexagent_conn_id: str = INDEXAGENT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.evolution_conn_id = evolution_conn_id
        self.indexagent_conn_id = indexagent_conn_id

    def close(self, trial_id: str, engine: Engine, context: Context, *, succeeded: bool) -> dict[str, Any]:
        from dean_airflow.errors import TrialNotFound
        from dean_airflow.evolution.trial import close_trial

        try:
            trial = engine.store.trials.get(trial_id)
        except TrialNotFound:
            return close_trial(trial_id, engine, succeeded=False)
        if succeeded and trial.status == "completed" and trial.result:
            return trial.result
        connections = {"evolution": self.evolution_conn_id, "indexagent": self.indexagent_conn_id}
        setup = remote_setup(context, trial_id, trial.config, connections)
        return asyncio.run(_stop(setup, None, self.log.info))


def _trial_id(given: str | None, context: Context) -> str:
    from dean_airflow.operators.engine import engine_in_task, trial_id_in_task

    with engine_in_task(context, lambda line: None) as engine:
        return trial_id_in_task(given, engine, context)


async def _start(setup: RemoteSetup, say: Say) -> tuple[str, float]:
    """The trial's id at the service, and how many seconds are left for it."""
    async with setup.opened(say=say) as trial, trial.deadline():
        return await trial.start(), await trial.time_left()


async def _wait_and_finish(setup: RemoteSetup, remote_id: str, say: Say) -> dict[str, Any]:
    async with setup.opened(say=say) as trial, trial.deadline():
        await trial.follow(remote_id)
        return await trial.finish()


async def _conclude(setup: RemoteSetup, event: Mapping[str, str], say: Say) -> dict[str, Any]:
    from dean_airflow.errors import TrialCancelled
    from dean_airflow.services.remote.trial import TrialTimeout
    from dean_airflow.services.remote.watch import OutOfSight

    if event["status"] == "ended":
        async with setup.opened(say=say) as trial:
            return await trial.finish()
    errors = {"timeout": TrialTimeout, "cancelled": TrialCancelled}
    raise errors.get(event["status"], OutOfSight)(event["message"])


async def _stop(setup: RemoteSetup, reason: BaseException | None, say: Say) -> dict[str, Any]:
    async with setup.opened(say=say) as trial:
        return await trial.stop(reason)
