"""The stages of an evolution trial as operators, in the order `dean_evolution_trial` chains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from dean_airflow.assets import CHAMPION, CHAMPION_ALIAS, TRIAL_FINISHED
from dean_airflow.operators.stage import TrialStageOperator
from dean_airflow.summary import summary

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.evolution.engine import Engine
    from dean_airflow.evolution.trial_config import TrialConfig


class ConfiguredStageOperator(TrialStageOperator):
    """A stage that reads what the user asked for.

    :param config: the trial's params by name, as in TrialConfig (templated). By default the DAG run's own params.
    """

    template_fields: Sequence[str] = (*TrialStageOperator.template_fields, "config")

    def __init__(self, *, config: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    def trial_config(self, context: Context) -> TrialConfig:
        """Raises ConfigurationError naming every param that is out of range."""
        from dean_airflow.evolution.trial_config import TrialConfig

        params = dict(context["params"]) if self.config is None else dict(self.config)
        return TrialConfig.build({name: value for name, value in params.items() if name != "trial_id"})


class PreflightOperator(ConfiguredStageOperator):
    """Checks, before anything is built, that the trial can be run: the params, the repository, git, the sandbox.

    Answers what it found: the target's commit, the sandbox's level.
    """

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import preflight

        return preflight(self.trial_config(context), engine)


class OpenTrialOperator(ConfiguredStageOperator):
    """Opens the trial: installs the target, runs its tests, measures the baseline, shares the limits out.

    Answers the islands' numbers, to map EvolveIslandOperator over (Airflow maps over a task's return value only).
    """

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> list[int]:
        from dean_airflow.evolution.trial import open_trial
        from dean_airflow.operators.engine import default_islands

        opened = open_trial(trial_id, self.trial_config(context), engine, default_islands=default_islands())
        run = context["dag_run"]
        engine.store.trials.update(trial_id, dag_id=run.dag_id, run_id=run.run_id)
        return list(opened["islands"])


class EvolveIslandOperator(TrialStageOperator):
    """Evolves one island for all its generations; each evaluation is kept, so a retry goes on where it stopped.

    :param island: the island's number, from 0 (templated); usually mapped over what OpenTrialOperator answers.
    """

    template_fields: Sequence[str] = (*TrialStageOperator.template_fields, "island")

    def __init__(self, *, island: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.island = island

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import evolve_island

        return evolve_island(trial_id, int(self.island), engine, self.stopping)


class ConfirmChampionOperator(TrialStageOperator):
    """Confirms the best candidates on fresh measurements, minimises the champion and measures each edit's effect.

    Answers `improved`: whether anything was confirmed. Nothing confirmed is a result, not a failure.
    """

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import confirm_champion

        return confirm_champion(trial_id, engine, self.stopping)


class ValidateChampionOperator(TrialStageOperator):
    """Runs the target's whole test suite on the champion in a clean checkout."""

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import validate_champion

        return validate_champion(trial_id, engine, self.stopping)


class PublishOperator(TrialStageOperator):
    """Hands the outcome over: branch, patch and report, as the trial's `publish` param says.

    Pushing takes its credentials from the `dean_git` connection, where it exists.
    """

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import publish

        return publish(trial_id, engine)


class CataloguePatternsOperator(TrialStageOperator):
    """Remembers which kinds of edit were tried and which paid, for the next trial."""

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        from dean_airflow.evolution.trial import catalogue_patterns

        return catalogue_patterns(trial_id, engine)


class CloseTrialOperator(TrialStageOperator):
    """Ends the trial whatever happened, as a teardown with `on_failure_fail_dagrun=True`.

    A trial whose other tasks have not all succeeded is first marked as stopped in the store, which refuses what a
    task that is still dying would write; then it waits, bounded, until no island holds a lease, removes what was left
    on disk, and fails, so that the run's state is true also after *Mark failed*. Answers the trial's final result.

    Emits `dean_trial_finished` for every completed trial and, through an alias, `dean_champion` for one that improved
    its target.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[TRIAL_FINISHED, CHAMPION_ALIAS], **kwargs)

    def run_stage(self, trial_id: str, engine: Engine, context: Context) -> dict[str, Any]:
        result = self.close(trial_id, engine, context, succeeded=self._work_succeeded(context))
        context["ti"].xcom_push(key="return_value", value=result)
        self.log.info("%s", summary(result))
        if result["status"] != "completed":
            raise AirflowFailException(f"Trial {trial_id} is {result['status']}, not completed.")
        self._announce(result, context)
        return result

    def close(self, trial_id: str, engine: Engine, context: Context, *, succeeded: bool) -> dict[str, Any]:
        """Ends the trial; its final result."""
        from dean_airflow.evolution.trial import close_trial

        return close_trial(trial_id, engine, succeeded=succeeded)

    def _work_succeeded(self, context: Context) -> bool:
        """Have all tasks directly before this one succeeded? The setup is among them and does no harm."""
        ti = context["ti"]
        before = sorted(self.upstream_task_ids)
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=before, run_ids=[ti.run_id])
        of_run = states.get(ti.run_id, {})
        return bool(before) and all(of_run.get(task_id) == "success" for task_id in before)

    def _announce(self, result: dict[str, Any], context: Context) -> None:
        extra: dict[str, Any] = {name: value for name, value in result.items() if isinstance(value, str | int | float)}
        events = context["outlet_events"]
        events[TRIAL_FINISHED].extra = extra
        if result["outcome"] == "improved":
            events[CHAMPION_ALIAS].add(CHAMPION, extra=extra)
