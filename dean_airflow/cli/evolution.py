"""`airflow dean evolution ...`: trials from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError, IllegalTransition
from dean_airflow.summary import summary

if TYPE_CHECKING:
    from dean_airflow.evolution.engine import Engine
    from dean_airflow.services.remote.engine import RemoteEngine
    from dean_airflow.store.store import Store
    from dean_airflow.store.trials import Trial

_OPTIONS = {
    "ref": "ref",
    "generations": "generations",
    "population": "population_size",
    "minutes": "max_runtime_minutes",
}
_SHOWN = (
    "id",
    "repository",
    "status",
    "outcome",
    "stop_reason",
    "attempt",
    "current_generation",
    "best_fitness",
    "error",
)


@command
def start(args: Any) -> int:
    """Run a trial in this process or on a service, saying how it goes on stderr, and print its result."""
    from dean_airflow.evolution.coordinator import EvolutionTrialCoordinator
    from dean_airflow.evolution.engine import open_engine

    overrides = trial_params_of(args)
    engine = open_engine(settings_in_process(), progress=lambda line: print(line, file=sys.stderr))
    with engine:
        runner = _remote(engine) if args.remote else None
        ended = EvolutionTrialCoordinator(engine, {}, _say_generation if args.remote else None, runner).run_trial(
            args.repository, overrides
        )
    for error in ended.errors:
        print(error, file=sys.stderr)
    if args.json:
        print(json.dumps(ended.result, indent=2))
    elif not ended.errors:
        print(summary(ended.result))
    return 0 if ended.status == "completed" else FAILED


@command
def list_trials(args: Any) -> int:
    """Print one line (or JSON object) per trial."""
    with _store() as store:
        trials = store.trials.list(status=args.status, limit=args.limit)
    if args.json:
        print(json.dumps([_shown(trial) for trial in trials], indent=2))
    else:
        _print_table(trials)
    return 0


@command
def status(args: Any) -> int:
    """Print one trial: what it found once it has ended, how far it is until then."""
    with _store() as store:
        trial = store.trials.get(args.trial_id)
    if args.json:
        print(json.dumps(_shown(trial) | {"result": trial.result}, indent=2))
    elif trial.result is not None and trial.is_final:
        print(summary(trial.result))
    else:
        for name, value in _shown(trial).items():
            print(f"{name:18} {'' if value is None else value}")
    return 0


@command
def stop(args: Any) -> int:
    """Mark the trial cancelled: from then on the store refuses its islands' writes, and they end."""
    with _store() as store:
        try:
            store.trials.transition(args.trial_id, "cancelled", stop_reason="cancelled")
        except IllegalTransition as refused:
            raise ConfigurationError(f"{refused} A trial that has ended is not stopped.") from None
    print(f"Trial {args.trial_id} is cancelled; its evaluations stay.")
    return 0


def trial_params_of(args: Any) -> dict[str, Any]:
    """The params named by the options of `start`. Raises ConfigurationError for a `--param` without `=`."""
    params = {name: getattr(args, option) for option, name in _OPTIONS.items() if getattr(args, option) is not None}
    for text in args.param:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"--param {text!r} is not NAME=VALUE.")
        try:
            params[name] = json.loads(value)
        except json.JSONDecodeError:
            params[name] = value
    return params


def _remote(engine: Engine) -> RemoteEngine:
    """Raises ConfigurationError where no Evolution service is configured, or one cannot be used."""
    from dean_airflow.airflow_services import endpoints
    from dean_airflow.services.pool import ServicePool
    from dean_airflow.services.remote.engine import RemoteEngine

    services = endpoints(engine.settings)
    _ = ServicePool(services).evolution  # says what to configure
    return RemoteEngine(lambda: ServicePool(services, store=engine.store), engine.store, say=engine.progress)


def _say_generation(generation: dict[str, Any]) -> None:
    print(f"Generation {generation['number']}: best fitness {generation['best_fitness']:.4f}", file=sys.stderr)


def _store() -> Store:
    from dean_airflow.store.store import Store

    return Store.open(settings_in_process().store)


def _shown(trial: Trial) -> dict[str, Any]:
    return {name: getattr(trial, name) for name in _SHOWN} | {"created_at": trial.created_at.isoformat()}


def _print_table(trials: Iterable[Trial]) -> None:
    for trial in trials:
        best = f"{trial.best_fitness:.3f}"
        print(f"{trial.id}  {trial.status:12} {trial.outcome or '-':15} {best}  {trial.repository}")
