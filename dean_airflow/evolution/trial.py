"""The story of a trial: one function a stage, each called by a task of `dean_evolution_trial` and by the coordinator.

preflight → open_trial → evolve_island (each) → confirm_champion → validate_champion → publish → catalogue_patterns,
and close_trial at the end, whatever happened.
"""

from dean_airflow.evolution.engine import Engine, open_engine
from dean_airflow.evolution.stages.catalogue_patterns import catalogue_patterns
from dean_airflow.evolution.stages.close_trial import close_trial, fail_trial
from dean_airflow.evolution.stages.confirm_champion import confirm_champion
from dean_airflow.evolution.stages.evolve_island import evolve_island
from dean_airflow.evolution.stages.open_trial import open_trial
from dean_airflow.evolution.stages.preflight import preflight
from dean_airflow.evolution.stages.publish import publish
from dean_airflow.evolution.stages.validate_champion import validate_champion

__all__ = [
    "Engine",
    "catalogue_patterns",
    "close_trial",
    "confirm_champion",
    "evolve_island",
    "fail_trial",
    "open_engine",
    "open_trial",
    "preflight",
    "publish",
    "validate_champion",
]
