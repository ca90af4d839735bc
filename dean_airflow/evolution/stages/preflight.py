"""Before anything is built: can this trial be run at all?"""

from __future__ import annotations

from typing import Any

from dean_airflow.evolution.edits.sources import edit_sources
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.evolution.workplace import target_to_json


def preflight(config: TrialConfig, engine: Engine) -> dict[str, Any]:
    """The target's commit and notes, and the sandbox's level.

    Raises TargetError, SandboxError, ConfigurationError: each one sentence about what to change.
    """
    edit_sources(config.edit_sources)
    sandbox = choose_sandbox(config.sandbox)
    target = resolve(config, engine.settings.cache_dir, engine.credentials)
    engine.progress(f"Target: {config.repository} at {target.commit[:12]}; sandbox: {sandbox.level}.")
    for note in target.notes:
        engine.progress(note)
    return {"target": target_to_json(target), "sandbox": sandbox.level}
