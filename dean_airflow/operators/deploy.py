"""Deploying as tasks: each operator calls one stage of a deployment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from dean_airflow.errors import DeanError, DeploymentError, DeploymentLocked, DeploymentLockLost, DeploymentNotFound
from dean_airflow.links import DeploymentPageLink
from dean_airflow.operators.stage import StopRequested

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.deployment.rollout.means import Means
    from dean_airflow.deployment.rollout.request import DeployRequest


class DeploymentStageOperator(BaseOperator):
    """Runs one stage of a deployment on the worker's machine; idempotent, so that Airflow may retry or clear it.

    What is wrong with the deployment fails the task at once with its one sentence; a lock that another deployment
    holds, a store that is away, and any other exception are left to Airflow's retries. Told to end, the stage stops
    between two steps, and the run's last task takes everything back.

    :param deployment: the directory (templated).
    :param environment: production, staging or local (templated); empty: what `dean-deployment.yaml` says, else local.
    :param strategy: recreate or blue_green (templated); empty: what `dean-deployment.yaml` says, else recreate.
    :param services: the services to roll out, separated by commas (templated); empty: all.
    :param rollback_to: a backup, or a deployment whose backup is meant, to go back to (templated); empty: roll out.
    :param is_dry_run: only say what would be done (templated).
    :param probes: whether the machine and the network are asked before anything is done (templated).
    :param service_timeout: seconds a service has to become healthy, where the description does not say (templated).
    :param deployment_id: the deployment to work on (templated). By default the run's own: the same for each of its
        tasks and attempts.
    """

    template_fields: Sequence[str] = (
        "deployment",
        "environment",
        "strategy",
        "services",
        "rollback_to",
        "is_dry_run",
        "probes",
        "service_timeout",
        "deployment_id",
    )
    operator_extra_links = (DeploymentPageLink(),)
    ui_color = "#e6ecf2"

    def __init__(
        self,
        *,
        deployment: str = "{{ params.deployment }}",
        environment: str = "{{ params.environment or '' }}",
        strategy: str = "{{ params.strategy or '' }}",
        services: str = "{{ (params.services or []) | join(',') }}",
        rollback_to: str = "{{ params.rollback_to or '' }}",
        is_dry_run: bool | str = "{{ params.dry_run }}",
        probes: bool | str = "{{ params.probes }}",
        service_timeout: float | str = "{{ params.service_timeout }}",
        deployment_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.environment = environment
        self.strategy = strategy
        self.services = services
        self.rollback_to = rollback_to
        self.is_dry_run = is_dry_run
        self.probes = probes
        self.service_timeout = service_timeout
        self.deployment_id = deployment_id
        self._in_stage = False

    @abstractmethod
    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> Any:
        """Call the stage; its answer is the task's XCom."""

    def execute(self, context: Context) -> Any:
        """Raises AirflowFailException for what is wrong with the deployment, AirflowSkipException where nothing is to
        be done, AirflowException when the task was told to end.
        """
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.operators.deploying import means_in_task
        from dean_airflow.store.ids import deployment_id_of_run
        from dean_airflow.store.store import Store

        try:
            self._in_stage = True
            request = self._request(context)
            if request.dry_run:
                return self._say_dry_run(request)
            settings = settings_in_process()
            with Store.open(settings.store) as store:
                run = context["dag_run"]
                self.deployment_id = self.deployment_id or deployment_id_of_run(store.id, run.dag_id, run.run_id)
                means = means_in_task(settings, store, context, self.log.info)
                return self.run_stage(request, means, self.deployment_id, context)
        except StopRequested:
            raise AirflowException("The task was told to end, and has stopped its stage.") from None
        except (DeploymentError, DeploymentLockLost, DeploymentNotFound) as error:
            raise AirflowFailException(str(error)) from None
        except DeploymentLocked:
            raise
        except DeanError as error:
            raise AirflowException(str(error)) from None
        finally:
            self._in_stage = False

    def on_kill(self) -> None:
        """Runs in the signal handler of the task's main thread, between any two instructions of the stage."""
        if self._in_stage:
            self._in_stage = False
            raise StopRequested

    def _request(self, context: Context) -> DeployRequest:
        from dean_airflow.deployment.rollout.request import DeployRequest

        return DeployRequest(
            directory=self.deployment,
            environment=self.environment,
            strategy=self.strategy,
            services=tuple(name.strip() for name in self.services.split(",") if name.strip()),
            rollback_to=self.rollback_to,
            dry_run=_true(self.is_dry_run),
            probes=_true(self.probes),
            service_timeout=float(self.service_timeout),
            requested_by=str(getattr(context["dag_run"], "triggering_user_name", "") or ""),
        )

    def _say_dry_run(self, request: DeployRequest) -> Any:
        """What a stage does of a dry run: nothing; the first one says what all of them would do."""
        raise AirflowSkipException("A dry run: nothing is done.")


class OpenDeploymentOperator(DeploymentStageOperator):
    """Validates, plans and opens the deployment. Answers a number for each service to roll out, for mapping over.

    A dry run says in the log exactly what would be done, and touches nothing.
    """

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> list[int]:
        from dean_airflow.deployment.rollout.stages import open_deployment

        return list(range(1, len(open_deployment(request, means, deployment_id)) + 1))

    def _say_dry_run(self, request: DeployRequest) -> list[int]:
        from dean_airflow.airflow_settings import settings_in_process
        from dean_airflow.deployment.deployer import Deployer
        from dean_airflow.deployment.rollout.report import report_text

        report = Deployer(settings_in_process(), say=self.log.info).deploy(request)
        for line in report_text(report).splitlines():
            self.log.info("%s", line)
        if not report["success"]:
            raise DeploymentError(report["message"])
        return []


class BackUpOperator(DeploymentStageOperator):
    """Runs the hook pre_deploy and keeps a backup of the description and of what runs; answers its name."""

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> str:
        from dean_airflow.deployment.rollout.stages import back_up

        if means.store.deployments.get(deployment_id).status == "succeeded":
            raise AirflowSkipException("Every service runs this release already.")
        return back_up(request, means, deployment_id)


class DeployServiceOperator(DeploymentStageOperator):
    """Rolls out the next service that is not, in the deployment's order; answers its name.

    Mapped over the numbers that OpenDeploymentOperator answers, one at a time (`max_active_tis_per_dagrun=1`):
    whichever of the mapped tasks Airflow runs first rolls out the first service. Its name is the task's map index.

    :param position: a number for each service.
    """

    template_fields: Sequence[str] = (*DeploymentStageOperator.template_fields, "position")

    def __init__(self, *, position: int = 1, **kwargs: Any) -> None:
        kwargs.setdefault("max_active_tis_per_dagrun", 1)
        kwargs.setdefault("map_index_template", "{{ service }}")
        super().__init__(**kwargs)
        self.position = position

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> str:
        from dean_airflow.deployment.rollout.stages import roll_out

        def name(service: str) -> None:
            context["service"] = service  # type: ignore[typeddict-unknown-key]

        name(str(self.position))
        done = roll_out(request, means, deployment_id, on_begin=name)
        if not done:
            raise AirflowSkipException("No further service is rolled out.")
        return done


class VerifyReleaseOperator(DeploymentStageOperator):
    """Looks at every service once more, runs the hook post_deploy and ends old releases.

    From here there is no way back. Answers `status` and `overall_status`.
    """

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> dict[str, Any]:
        from dean_airflow.deployment.rollout.stages import verify

        report = verify(request, means, deployment_id)
        return {name: report[name] for name in ("deployment_id", "status", "overall_status")}


class RollbackOperator(DeploymentStageOperator):
    """Takes an unfinished deployment back, service by service, last first; answers what could not be taken back."""

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> dict[str, Any]:
        from dean_airflow.deployment.rollout.stages import take_back

        if means.store.deployments.get(deployment_id).is_final:
            raise AirflowSkipException("There is nothing to take back.")
        report = take_back(request, means, deployment_id)
        if report["status"] == "failed":
            raise DeploymentError(f"Not everything could be taken back. {report['message']}")
        return {"deployment_id": deployment_id, "status": report["status"]}


class CloseDeploymentOperator(DeploymentStageOperator):
    """Ends the deployment whatever became of its run, prints the report, and makes the run's state true.

    As a teardown with `on_failure_fail_dagrun`: it takes back what a stopped run has left, and fails unless the
    deployment succeeded. Answers `status` and `message`.
    """

    def run_stage(self, request: DeployRequest, means: Means, deployment_id: str, context: Context) -> dict[str, Any]:
        from dean_airflow.deployment.rollout.report import report_text
        from dean_airflow.deployment.rollout.stages import take_back

        report = take_back(request, means, deployment_id)
        for line in report_text(report).splitlines():
            self.log.info("%s", line)
        if not report["success"]:
            raise DeploymentError(report["message"])
        return {name: report[name] for name in ("deployment_id", "status", "message")}


def _true(given: bool | str) -> bool:
    return given if isinstance(given, bool) else given.strip().lower() == "true"
