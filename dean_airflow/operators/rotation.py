"""Rotating secrets as tasks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dean_airflow.errors import DeanError, DeploymentError, DeploymentLocked, DeploymentLockLost
from dean_airflow.operators.stage import StopRequested

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.deployment.rollout.means import Means
    from dean_airflow.deployment.secrets.rotation import Rotating


class SecretRotationOperator(BaseOperator):
    """What operators of rotations share: which secret of which deployment.

    :param deployment: the directory (templated).
    :param secret: its name in `secrets` of `dean-deployment.yaml` (templated).
    :param environment: production, staging or local (templated); empty: what `dean-deployment.yaml` says, else local.
    :param overlap_hours: for how long the old value is accepted beside the new one (templated); empty: what the secret
        says, else 24.
    """

    template_fields: Sequence[str] = ("deployment", "secret", "environment", "overlap_hours")
    ui_color = "#f2ece6"

    def __init__(
        self,
        *,
        deployment: str = "{{ params.deployment }}",
        secret: str = "{{ params.secret }}",
        environment: str = "{{ params.environment or '' }}",
        overlap_hours: float | str | None = "{{ '' if params.overlap_hours is none else params.overlap_hours }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.secret = secret
        self.environment = environment
        self.overlap_hours = overlap_hours
        self._at_work = False

    def on_kill(self) -> None:
        """Runs in the signal handler of the task's main thread, between any two instructions of the rotation."""
        if self._at_work:
            self._at_work = False
            raise StopRequested

    @abstractmethod
    def work(self, rotating: Rotating, means: Means, rotation_id: str) -> dict[str, Any] | None:
        """What is done; the report."""

    def _report(self, context: Context) -> dict[str, Any] | None:
        """Raises AirflowFailException for what is wrong with the secret, AirflowException for what may pass."""
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.deployment.secrets.rotating import rotating_of
        from dean_airflow.hooks.secret_holders import airflow_holders
        from dean_airflow.operators.deploying import means_in_task
        from dean_airflow.store.ids import deployment_id_of_run
        from dean_airflow.store.store import Store

        for name in ("deployment", "secret"):
            if not getattr(self, name).strip():
                raise AirflowFailException(f"No {name} is named: give the param `{name}`.")
        run = context["dag_run"]
        settings = settings_in_process()
        self._at_work = True
        try:
            with Store.open(settings.store) as store:
                means = means_in_task(settings, store, context, self.log.info)
                rotating = rotating_of(
                    self.deployment,
                    self.secret,
                    means,
                    environment=self.environment,
                    overlap=_hours(self.overlap_hours),
                    requested_by=str(getattr(run, "triggering_user_name", "") or run.dag_id),
                    holders=airflow_holders(),
                )
                return self.work(rotating, means, deployment_id_of_run(store.id, run.dag_id, run.run_id))
        except StopRequested:
            raise AirflowException("The task was told to end; the rotation is taken back, or goes on, later.") from None
        except (DeploymentLocked, DeploymentLockLost):
            raise
        except DeploymentError as error:
            raise AirflowFailException(str(error)) from None
        except DeanError as error:
            raise AirflowException(str(error)) from None
        finally:
            self._at_work = False


class RotateSecretOperator(SecretRotationOperator):
    """Rotates one secret: write new, overlap, roll the readers, verify, retire the old, prove that it is refused.

    While the overlap lasts the task is deferred and takes no worker's slot. A failure at any step restores the old
    value and fails the task. Answers `status`, `rotation`, `secret` and `old_refused` (null: nobody could be asked);
    no value is in any log, XCom or row.

    :param deferrable: False waits for the end of the overlap in the worker's slot.
    """

    def __init__(self, *, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def work(self, rotating: Rotating, means: Means, rotation_id: str) -> dict[str, Any]:
        from dean_airflow.deployment.secrets.rotation import rotate

        return rotate(rotating, means, rotation_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Raises AirflowFailException where the old value was restored, or could not be."""
        report = self._report(context)
        assert report is not None
        if report["status"] == "waiting":
            self.log.info("%s Until %s.", report["message"], report["waiting_until"])
            return self._wait(context, datetime.fromisoformat(report["waiting_until"]))
        if not report["success"]:
            raise AirflowFailException(f"{self.secret} was not rotated: {report['error']} {report['message']}")
        return {name: report[name] for name in ("status", "rotation", "secret", "old_refused")}

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """After the overlap, in a worker again. Raises as `execute`."""
        return self.execute(context)

    def _wait(self, context: Context, until: datetime) -> dict[str, Any]:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        if self.deferrable:
            self.defer(trigger=DateTimeTrigger(moment=until), method_name="execute_complete")
        import time

        while (left := (until - datetime.now(until.tzinfo)).total_seconds()) > 0:
            time.sleep(min(left, 1.0))
        return self.execute(context)


class CloseRotationOperator(SecretRotationOperator):
    """Teardown: restores the old value of a rotation that did not end, so that the run's state is true.

    As a teardown with `on_failure_fail_dagrun` it fails where there was something to restore.
    """

    def work(self, rotating: Rotating, means: Means, rotation_id: str) -> dict[str, Any] | None:
        from dean_airflow.deployment.secrets.rotation import abandon

        report = abandon(rotating, means, "The run was stopped before the rotation had ended.")
        if report is None:
            last = [row for row in means.store.deployments.list(place=rotating.place) if row.id == rotation_id]
            return last[0].report if last else {"success": False, "message": "Nothing was rotated."}
        return report

    def execute(self, context: Context) -> str:
        """Raises AirflowFailException unless the secret is rotated."""
        report = self._report(context) or {"success": False, "message": "Nothing was rotated."}
        if not report["success"]:
            raise AirflowFailException(f"{self.secret} was not rotated. {report['message']}")
        return str(report["status"])


def _hours(given: float | str | None) -> timedelta | None:
    """Raises DeploymentError."""
    text = "" if given is None else str(given).strip()
    if not text:
        return None
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= 720:
        raise DeploymentError(f"overlap_hours is {text!r}; it must be from 0 to 720.")
    return timedelta(hours=hours)
