"""Files of a trial among the artefacts."""

from __future__ import annotations

import re

from upath import UPath

from dean_airflow.config import Settings
from dean_airflow.evolution.outcome.sources import NAME as SOURCES

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def patch_of(settings: Settings, trial_id: str) -> bytes | None:
    """The trial's patch, None where there is none."""
    return _read(settings, trial_id, f"{trial_id}.patch")


def sources_of(settings: Settings, trial_id: str) -> bytes | None:
    """The packed sources the trial started from, None where they were not kept."""
    return _read(settings, trial_id, SOURCES)


def _read(settings: Settings, trial_id: str, name: str) -> bytes | None:
    if not _TRIAL_ID.fullmatch(trial_id):
        return None
    try:
        return (UPath(settings.artifacts) / trial_id / name).read_bytes()
    except FileNotFoundError:
        return None
