"""`airflow dean metrics ...`: what is measured, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import FAILED, command

if TYPE_CHECKING:
    from dean_airflow.store.store import Store


@command
def status(args: Any) -> int:
    """Print a line per service; 1 if one is down."""
    from dean_airflow.metrics.history import History
    from dean_airflow.metrics.views import service_status
    from dean_airflow.metrics_setup import collector_setup

    with _store() as store:
        if args.collect:
            collector_setup(settings_in_process()).collect(store)
        found = service_status(History(store), store.now())
    if args.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("Nothing was collected in the last five minutes; unpause dean_metrics_collection, or use --collect.")
    else:
        _print_table(
            ("service", "status", "latency", "version", "last check", "url"),
            (
                (name, one["status"], _shown_ms(one["latency_ms"]), one["version"], one["last_check"], one["url"])
                for name, one in found.items()
            ),
        )
    return FAILED if any(one["status"] == "down" for one in found.values()) else 0


@command
def show(args: Any) -> int:
    """Print the newest value of every metric."""
    from dean_airflow.metrics.exposition import current
    from dean_airflow.metrics.history import History

    with _store() as store:
        found = current(History(store), store.now(), args.service)
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        _print_table(
            ("service", "metric", "labels", "value", "age"),
            (
                (one["service"], one["name"], _labels(one["labels"]), f"{one['value']:g}", f"{one['age_seconds']:g} s")
                for one in found
            ),
        )
    return 0


@command
def query(args: Any) -> int:
    """Print a metric's points, series by series."""
    from dean_airflow.metrics import views
    from dean_airflow.metrics.history import History

    with _store() as store:
        found = views.query(
            History(store),
            args.name,
            now=store.now(),
            since=args.since,
            step=args.step,
            service=args.service,
            match=args.match,
            show=args.show,
            quantile=args.quantile,
        )
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    for series in found:
        print(f"{args.name} of {series['service']}{_labels(series['labels'])}: {series['show']}")
        for time, value in series["points"]:
            print(f"  {time}  {value:g}")
    if not found:
        print(f"There are no samples of {args.name} in that time.")
    return 0


def _store() -> Store:
    from dean_airflow.store.store import Store

    return Store.open(settings_in_process().store)


def _print_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    lines = [head, *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _labels(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in labels.items()) + "}" if labels else ""


def _shown_ms(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:g} ms"
