"""Merges what a user asked for, what the target says of itself and what can be detected into its settings."""

from __future__ import annotations

import shlex
from typing import Any

from dean_airflow.errors import BaselineError, ConfigurationError, TargetError
from dean_airflow.evolution.target.find_benchmark import detect_benchmark, parse_benchmark
from dean_airflow.evolution.target.find_files import (
    chosen_files,
    detect_files,
    detect_source_roots,
    sort_out_unreadable,
)
from dean_airflow.evolution.target.find_tests import detect_tests
from dean_airflow.evolution.target.project_metadata import detect_install
from dean_airflow.evolution.target.settings_file import OwnSettings, read_own_settings
from dean_airflow.evolution.target.target import Checkout, TargetSettings
from dean_airflow.evolution.trial_config import TrialConfig

PARAMS = "the trial's params"
DETECTED = "detected"


def detect(checkout: Checkout, config: TrialConfig) -> TargetSettings:
    """The target's settings: params before the target's own file before detection.

    Raises ConfigurationError (every unusable setting of the target's file or of the params, and where it is),
    TargetError (no Python file that may change) and BaselineError (neither a benchmark nor tests to measure).
    """
    project = checkout.project
    own, own_name = read_own_settings(project)
    given, origins = _given(config, own, own_name)
    roots = detect_source_roots(project)

    install = given.get("install")
    tests = _words(given["tests"], "tests", origins["tests"]) if "tests" in given else detect_tests(project)
    if "benchmark" in given:
        workload = parse_benchmark(given["benchmark"], project, roots, origins["benchmark"])
    else:
        detected = detect_benchmark(project, tests)
        if detected is None:
            raise BaselineError(
                "The target has neither a benchmark nor tests that could be measured; give the param `benchmark`."
            )
        workload = detected
    if workload.kind == "suite" and tests is None:
        raise BaselineError("The benchmark is `suite`, but the target has no tests; give the param `tests`.")

    candidates = chosen_files(project, given["files"], origins["files"]) if "files" in given else []
    files, skipped = sort_out_unreadable(project, candidates or detect_files(project, roots))
    if not files:
        reasons = f" ({' '.join(skipped)})" if skipped else ""
        raise TargetError(f"The target has no Python file that may change{reasons}; name some in the param `files`.")
    return TargetSettings(
        install=detect_install(project) if install is None else tuple(install),
        tests=tests,
        deselect=tuple(given.get("deselect", ())),
        workload=workload,
        files=files,
        source_roots=roots,
        skipped_files=skipped,
        objectives=dict(given.get("objectives", {})),
        generations=given.get("generations"),
        origins={name: origins.get(name, DETECTED) for name in _NAMES},
    )


def apply_settings(config: TrialConfig, settings: TargetSettings) -> TrialConfig:
    """The trial's config with the weights and generations the target's own file asks for."""
    update: dict[str, Any] = {}
    if settings.objectives:
        update["objectives"] = dict(settings.objectives)
    if settings.generations is not None:
        update["generations"] = settings.generations
    return config.model_copy(update=update)


_NAMES = ("install", "tests", "deselect", "benchmark", "files", "objectives", "generations")


def _given(config: TrialConfig, own: OwnSettings, own_name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """(settings somebody chose, who chose each). A param left at its default was not chosen: forms send them all."""
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in _NAMES:
        param, default = getattr(config, name), TrialConfig.model_fields[name].default
        if param != default:
            given[name], origins[name] = param, PARAMS
        elif (value := getattr(own, name)) is not None:
            given[name], origins[name] = value, own_name
    for name in ("tests", "benchmark", "files"):
        if name in given and not given[name]:
            del given[name], origins[name]
    return given, origins


def _words(text: str, name: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigurationError(f"{name} in {where}: {text!r} is not shell-quoted ({error}).") from None
