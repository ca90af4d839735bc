"""The metrics DEAN itself makes: names, kinds, labels and meaning. Base units, and `_total` for counters.

Others' metrics keep the names they come with; how those of JSON services are named is in `sources/json_fields.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dean_airflow.metrics.sample import MetricType


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: MetricType
    labels: tuple[str, ...]
    help: str


_TRIAL = ("trial_id",)
_ISLAND = ("trial_id", "island")

_ALL: tuple[tuple[str, MetricType, tuple[str, ...], str], ...] = (
        # Any service
        ("dean_service_health", "gauge", ("service_name",), "1 if the service answers healthy or degraded, else 0."),
        ("dean_service_degraded", "gauge", ("service_name",), "1 if the service says it is degraded, else 0."),
        ("dean_service_info", "gauge", ("service_name", "url", "version"), "Always 1; where and what the service is."),
        ("dean_health_check_duration_seconds", "gauge", ("service_name",), "How long the last health check took."),
        ("dean_health_check_phase_seconds", "gauge", ("service_name", "phase"),
         "Where the last health check's time went: dns, connect, tls, first_byte."),
        ("dean_collection_failed", "gauge", ("service_name",), "1 if collecting from the service failed, else 0."),
        ("dean_collection_duration_seconds", "gauge", ("service_name",), "How long collecting from the service took."),
        ("dean_samples_dropped", "gauge", ("service_name", "reason"),
         "Samples of the last collection that were left out: series_limit, too_old, in_future, not_usable."),
        # Airflow
        ("dean_airflow_component_health", "gauge", ("component",),
         "1 if the metadatabase, scheduler, triggerer or dag_processor is healthy, else 0."),
        ("dean_airflow_heartbeat_timestamp_seconds", "gauge", ("component",), "When the component was last alive."),
        ("dean_airflow_pool_slots", "gauge", ("pool", "state"), "Slots of a pool: open, running, queued, deferred."),
        ("dean_airflow_dag_runs", "gauge", ("dag_id", "state"), "The newest runs of DEAN's DAGs by state."),
        ("dean_airflow_import_errors", "gauge", (), "DAG files that do not import."),
        ("dean_airflow_plugin_loaded", "gauge", (), "1 if Airflow has DEAN's plugin loaded, else 0."),
        # DEAN's own trials and store
        ("dean_evolution_trials_active", "gauge", (), "Trials that have not ended."),
        ("dean_evolution_trials_total", "counter", (), "Trials ever made in this store."),
        ("dean_evolution_trials", "gauge", ("status",), "Trials in the store by status."),
        ("dean_evolution_outcomes", "gauge", ("outcome",), "Completed trials in the store by outcome."),
        ("dean_evolution_last_generation_timestamp_seconds", "gauge", (), "When a trial last ended a generation."),
        ("dean_store_query_seconds", "gauge", (), "How long the store took to count its trials."),
        ("dean_store_size_bytes", "gauge", (), "What the store takes on disk."),
        ("dean_store_connections", "gauge", (), "Open connections to the store's PostgreSQL database."),
        ("dean_store_series", "gauge", (), "Series that the history knows."),
        ("dean_circuit_breaker_state", "gauge", ("service_name",), "0 closed, 1 open, 2 half-open."),
        # One trial, written by its engine
        ("dean_trial_best_fitness", "gauge", _ISLAND, "Best fitness of an island so far, 0..1."),
        ("dean_trial_mean_fitness", "gauge", _ISLAND, "Mean fitness of an island's population, 0..1."),
        ("dean_trial_diversity", "gauge", _ISLAND, "Diversity of an island's population, 0..1."),
        ("dean_trial_generation", "gauge", _ISLAND, "The generation an island has ended."),
        ("dean_trial_injected_total", "counter", _ISLAND, "Individuals replaced because diversity was low."),
        ("dean_trial_candidates_total", "counter", (*_ISLAND, "verdict"), "Candidates judged, by verdict."),
        ("dean_trial_cache_hits_total", "counter", _ISLAND, "Candidates not judged: their content was known."),
        ("dean_trial_judging_seconds_total", "counter", _ISLAND, "Time spent judging candidates."),
        ("dean_trial_candidates_per_second", "gauge", _ISLAND, "Candidates judged a second since the island began."),
        ("dean_trial_best_cost_ratio", "gauge", _ISLAND, "Cost of the best candidate, the baseline's being 1."),
        ("dean_trial_confirmed", "gauge", _TRIAL, "1 if fresh measurements confirmed the champion, else 0."),
        ("dean_trial_duration_seconds", "gauge", _TRIAL, "How long an ended trial took."),
        # This machine
        ("dean_host_cpu_busy_ratio", "gauge", ("host",), "Share of the processors' time that is used, 0..1."),
        ("dean_host_memory_used_ratio", "gauge", ("host",), "Share of the memory that is in use, 0..1."),
        ("dean_host_memory_available_bytes", "gauge", ("host",), "Memory that can be had without swapping."),
        ("dean_host_disk_free_ratio", "gauge", ("host", "path"), "Share of the file system that is free, 0..1."),
        ("dean_host_disk_free_bytes", "gauge", ("host", "path"), "Room on the file system."),
)  # fmt: skip

METRICS = {name: Metric(name, kind, labels, meaning) for name, kind, labels, meaning in _ALL}


def help_of(name: str) -> str:
    """What a metric means: for one of others, that it is theirs."""
    metric = METRICS.get(name)
    return metric.help if metric is not None else f"{name} as the service tells it."
