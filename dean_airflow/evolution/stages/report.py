"""Gathers what the store knows of a trial into its report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from dean_airflow import __version__
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.report.data import (
    ConfirmationReport,
    EditReport,
    GenerationReport,
    Measurement,
    ReportData,
)
from dean_airflow.evolution.report.lineage import Judged, lineage
from dean_airflow.evolution.report.render import write_report
from dean_airflow.evolution.report.tallies import count, kinds, reasons, tallies
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.store.trials import Trial

BASELINE_FIELDS = ("tests", "skipped", "sites", "seconds", "repeats", "noise", "mode", "mode_reason", "suite_seconds")


def report(trial: Trial, result: Mapping[str, Any], engine: Engine) -> str:
    """Writes report.html and report.json among the artefacts; the page's address. Raises PublishError, StoreError."""
    return write_report(gather(trial, result, engine), engine.artifacts(trial.id))


def gather(trial: Trial, result: Mapping[str, Any], engine: Engine) -> ReportData:
    """Everything a report says; of a trial that ended early, what there is."""
    documents = {
        name: engine.store.documents.get(trial.id, name) or {}
        for name in ("opened", "champion", "validated", "published")
    }
    opened, champion, validated, published = documents.values()
    judged = [
        Judged(island, numbered.generation, numbered.sequence, numbered.evaluation)
        for island, numbered in engine.store.evaluations.for_trial(trial.id)
    ]
    counted = count(one.evaluation for one in judged)
    config = opened.get("config") or trial.config
    baseline = opened.get("baseline") or {}
    return ReportData(
        result=result,
        target=opened.get("target") or {},
        config=config,
        settings=opened.get("settings") or {},
        baseline={name: baseline[name] for name in BASELINE_FIELDS if name in baseline},
        sandbox=opened.get("sandbox", ""),
        environment={"dean-airflow": __version__, **(opened.get("environment") or {})},
        started=trial.started_at.isoformat() if trial.started_at else "",
        finished=trial.completed_at.isoformat() if trial.completed_at else "",
        generations=_generations(trial.id, engine),
        measurement=_measurement(validated),
        confirmations=tuple(_confirmation(one) for one in champion.get("confirmations", ())),
        edits=tuple(_edit(one) for one in published.get("edits", ())),
        tallies=tallies(counted),
        reasons=reasons(counted),
        kinds=kinds(counted),
        lineage=lineage(champion.get("full_genome", ()), judged),
        published={name: value for name, value in published.items() if name != "edits"},
        errors=(trial.error,) if trial.error else (),
        command=reproduce(config),
    )


def _generations(trial_id: str, engine: Engine) -> tuple[GenerationReport, ...]:
    events = engine.store.events.since(trial_id, 0, 100_000)
    return tuple(GenerationReport(**event.data) for event in events if event.kind == "generation")


def _measurement(validated: Mapping[str, Any]) -> Measurement | None:
    measured = validated.get("measurement")
    if not measured:
        return None
    return Measurement(
        tuple(measured["baseline_seconds"]),
        tuple(measured["candidate_seconds"]),
        tuple(tuple(group) for group in measured["log_ratios"]),
    )


def _edit(data: Mapping[str, Any]) -> EditReport:
    interval = data["effect_interval"]
    return EditReport(**{**data, "effect_interval": tuple(interval) if interval else None})


def _confirmation(data: Mapping[str, Any]) -> ConfirmationReport:
    interval = data.get("speedup_interval")
    return ConfirmationReport(**{**data, "speedup_interval": tuple(interval) if interval else None})


def reproduce(config: Mapping[str, Any]) -> str:
    """A shell command that runs the trial again: the params that differ from their defaults."""
    defaults = {name: field.default for name, field in TrialConfig.model_fields.items()}
    chosen = {name: value for name, value in config.items() if name == "repository" or value != defaults.get(name)}
    return f"airflow dags test dean_evolution_trial -c {shlex.quote(json.dumps(chosen))}"
