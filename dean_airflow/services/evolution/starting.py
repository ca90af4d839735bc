"""From a request to start a trial to its config; what cannot be done is refused here, before anything is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.target.mirror import check_url, is_url
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.contract.trials import REQUEST_KEY, StartTrial
from dean_airflow.services.server.faults import ApiError

SAME_NAME = (
    *("repository", "generations", "population_size", "mutation_rate", "crossover_rate", "fitness_threshold"),
    "diversity_threshold",
)
"""Fields that a request and a config share; further ones of the config are taken from the request's `parameters`."""
ONLY_SELECTION = "tournament"


def config_of(request: StartTrial, settings: Settings) -> TrialConfig:
    """The config of the trial asked for.

    Raises ApiError: 422 for what is out of this server's bounds or unknown, 400 for what no trial here may do.
    """
    _check_bounds(request, settings)
    _check_abilities(request)
    minutes = float(request.max_runtime_minutes)
    if request.constraints is not None and request.constraints.max_time_seconds is not None:
        minutes = min(minutes, request.constraints.max_time_seconds / 60)
    own = {name: getattr(request, name) for name in SAME_NAME} | {"max_runtime_minutes": minutes}
    further = {name: value for name, value in request.parameters.items() if name != REQUEST_KEY}
    if twice := sorted(set(further) & set(own)):
        raise ApiError(422, f"parameters: {', '.join(twice)} stands beside `parameters`, not in it.")
    if unknown := sorted(set(further) - set(TrialConfig.model_fields)):
        raise ApiError(422, f"parameters: there is no param {', '.join(unknown)}."[:1000])
    try:
        config = TrialConfig.build(own | further)
    except ConfigurationError as error:
        raise ApiError(422, str(error)[:2000]) from None
    if config.sandbox == "off":
        raise ApiError(400, "parameters: sandbox: only whoever runs the server may switch the sandbox off.")
    check_repository(request.repository, settings.server_repositories)
    return config


def request_of(config: dict[str, Any]) -> dict[str, Any]:
    """The request that a trial's config would have come from, for trials that were started another way."""
    own = {name: config[name] for name in SAME_NAME if name in config}
    own["max_runtime_minutes"] = config.get("max_runtime_minutes")
    further = {name: value for name, value in config.items() if name not in own}
    return own | {"parameters": further}


def check_repository(repository: str, allowed: tuple[str, ...]) -> None:
    """Raises ApiError 400 unless the repository is a URL that can be cloned or a folder that is there, and, where
    `allowed` names any, lies below one of these folders or URL prefixes.
    """
    refused = ApiError(400, f"The repository {repository!r} is not one that callers of this server may name.")
    if repository.startswith("-") or any(ord(letter) < 32 or letter == "\x7f" for letter in repository):
        raise refused
    if is_url(repository):
        try:
            check_url(repository)
        except Exception as error:
            raise ApiError(400, str(error)) from None
        if allowed and not any(_below_url(repository, prefix) for prefix in allowed if is_url(prefix)):
            raise refused
        return
    path = Path(repository).expanduser()
    if allowed:
        # Decided before the disk is looked at: whether a file exists elsewhere is nobody's business.
        roots = [Path(root).expanduser().resolve() for root in allowed if not is_url(root)]
        if not any(path.resolve().is_relative_to(root) for root in roots):
            raise refused
    if not path.is_absolute():
        raise ApiError(400, f"The repository {repository!r} is neither a clone URL nor an absolute path.")
    if not path.is_dir():
        raise ApiError(400, f"There is no repository at {path} on the server; check the path, or give a clone URL.")


def _below_url(url: str, prefix: str) -> bool:
    return ".." not in url and (url == prefix or url.startswith(prefix.rstrip("/") + "/"))


def _check_bounds(request: StartTrial, settings: Settings) -> None:
    bounds = {
        "generations": settings.server_max_generations,
        "population_size": settings.server_max_population,
        "max_runtime_minutes": settings.server_max_minutes,
    }
    over = [
        f"{name}: {getattr(request, name)} is more than the {bound} this server allows"
        for name, bound in bounds.items()
        if getattr(request, name) > bound
    ]
    if over:
        raise ApiError(422, f"{'; '.join(over)}.")


def _check_abilities(request: StartTrial) -> None:
    if request.selection_method not in (None, ONLY_SELECTION):
        raise ApiError(400, f"selection_method: trials here select by {ONLY_SELECTION}.")
    if request.cellular_automata_rules:
        raise ApiError(400, "cellular_automata_rules: this server does not offer cellular automata.")
