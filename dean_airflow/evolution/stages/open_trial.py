"""Opens a trial: installs the target, measures its baseline, shares the limits out among the islands."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from typing import Any

from dean_airflow.evolution.baseline.measure import measure_baseline
from dean_airflow.evolution.baseline.record import baseline_to_json
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.core import reserved_core
from dean_airflow.evolution.outcome.sources import keep_sources
from dean_airflow.evolution.patterns import prior_of
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.search.limits import allowances
from dean_airflow.evolution.target.fetch import fetch, snapshot_bundle
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.target.target import Target
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.evolution.workplace import bundle_of, detected, furnish, scratch, target_to_json


def open_trial(trial_id: str, config: TrialConfig, engine: Engine, *, default_islands: int = 1) -> dict[str, Any]:
    """`{"trial_id", "islands": [0, 1, ...]}`; a trial already opened is not measured again.

    Raises TargetError, InstallError, BaselineError, SandboxError, ConfigurationError, TrialCancelled, StoreError.
    """
    engine.store.trials.create(trial_id, config.model_dump(), execution=engine.execution)
    trial = engine.take_up(trial_id)
    known = engine.store.documents.get(trial_id, "opened")
    if known is None:
        if trial.status == "pending":
            engine.store.trials.transition(trial_id, "initializing")
        known = _open(trial_id, config, engine, default_islands)
        engine.store.documents.put(trial_id, "opened", known)
    if engine.store.trials.get(trial_id).status == "initializing":
        engine.store.trials.transition(trial_id, "running", target=known["target"])
    engine.store.events.append(trial_id, "trial_started", {"islands": known["islands"]}, key="trial_started")
    return {"trial_id": trial_id, "islands": list(range(known["islands"]))}


def _open(trial_id: str, config: TrialConfig, engine: Engine, default_islands: int) -> dict[str, Any]:
    target = resolve(config, engine.settings.cache_dir, engine.credentials)
    _keep_snapshot(trial_id, target, engine)
    started = time.monotonic()
    with scratch(engine, trial_id) as room:
        checkout = fetch(
            target, room / "target", engine.settings.cache_dir, bundle_of(trial_id, engine, room), engine.credentials
        )
        config, settings = detected(config, checkout)
        engine.progress(
            f"Found: benchmark {settings.workload.kind} {settings.workload.spec}".rstrip()
            + f", {len(settings.files)} files that may change."
        )
        place = furnish(config, target, settings, checkout, room, engine)
        engine.progress(f"Installed: {' '.join(settings.install) or 'nothing to install'}.")
        keep_sources(engine.artifacts(trial_id), place.tree)
        keep_going = engine.guard(trial_id, lambda: False)
        with reserved_core(engine.settings.cache_dir) as core:
            weighted = [name for name, weight in config.objectives.items() if weight]
            baseline, order = measure_baseline(
                place.workshop, settings, settings.files, weighted, core, config.max_runtime_minutes * 60, keep_going
            )
    engine.progress(
        f"Baseline: {len(baseline.tests)} tests pass, one run takes {baseline.seconds * 1e3:.2f} ms "
        f"(noise {baseline.noise:.0%}), {len(baseline.sites)} hot functions, judged {baseline.mode}."
    )
    islands = config.islands or default_islands
    return {
        "config": config.model_dump(),
        "target": target_to_json(target),
        "settings": asdict(settings),
        "order": order,
        "baseline": baseline_to_json(baseline),
        "islands": islands,
        "allowances": [vars(allowance) for allowance in allowances(config, islands)],
        "prior": prior_of(engine.store.patterns.list()),
        "sandbox": choose_sandbox(config.sandbox).level,
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processor": platform.machine(),
            "opening_seconds": round(time.monotonic() - started, 1),
        },
    }


def _keep_snapshot(trial_id: str, target: Target, engine: Engine) -> None:
    """A plain folder's snapshot goes with the artefacts, so that workers without this disk can fetch it."""
    bundle = snapshot_bundle(target, engine.settings.cache_dir)
    if bundle is not None:
        (engine.artifacts(trial_id) / "target.bundle").write_bytes(bundle.read_bytes())
