"""`airflow dean dags`, `init` and `config show`: fitting DEAN into an Airflow that is there already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any, cast

from dean_airflow.airflow_settings import settings_from_airflow, settings_in_process
from dean_airflow.cli.exits import FAILED, command
from dean_airflow.config import Settings
from dean_airflow.dag_bundle import BUNDLE_NAME, bundle_entry
from dean_airflow.errors import DeanError

_BUNDLE_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
_AIRFLOWS_POOL = "default_pool"


@command
def dags(args: Any) -> int:
    """Print the bundle list of this Airflow with DEAN's entry in it, and the one-file way."""
    entries = [entry for entry in _configured_bundles() if entry["name"] != BUNDLE_NAME]
    print("# Either: DEAN's DAGs as a bundle, beside those configured now")
    print(f"export {_BUNDLE_VARIABLE}='{json.dumps([*entries, bundle_entry()])}'")
    print("# Or: a file in the DAGs folder with this one line")
    print("#     from dean_airflow.dags import *")
    return 0


@command
def init(args: Any) -> int:
    """Do and check one thing after another, a line each; the first line that says FAILED tells what to mend."""
    settings = settings_in_process()
    failed = False
    for name, check in _checks(settings):
        try:
            print(f"{name:10} ok      {check()}")
        except DeanError as error:
            print(f"{name:10} FAILED  {error}")
            failed = True
    return FAILED if failed else 0


@command
def show_config(args: Any) -> int:
    """Print every setting in force."""
    public = settings_from_airflow().public()
    if args.json:
        print(json.dumps(public, indent=2))
    else:
        for name, value in public.items():
            print(f"{name} = {value if isinstance(value, str) else json.dumps(value)}")
    return 0


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "git", _check_git
    yield "sandbox", _check_sandbox
    yield "store", lambda: _check_store(settings)
    yield "artifacts", lambda: _check_artifacts(settings)
    yield "pool", lambda: _make_pool(settings)
    yield "dags", _check_dags


def _check_git() -> str:
    found = shutil.which("git")
    if found is None:
        raise DeanError("There is no git on the PATH; install it on every worker.")
    return found


def _check_sandbox() -> str:
    from dean_airflow.evolution.sandbox.sandbox import choose_sandbox

    return f"level {choose_sandbox('auto').level}"


def _check_store(settings: Settings) -> str:
    from dean_airflow.store.store import Store

    with Store.open(settings.store) as store:
        return f"{settings.public()['store']}, {store.trials.count()} trials"


def _check_artifacts(settings: Settings) -> str:
    from upath import UPath

    probe = UPath(settings.artifacts) / ".dean-write-check"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except Exception as error:  # every filesystem behind a URL has errors of its own
        raise DeanError(f"{settings.artifacts} cannot be written: {error}") from None
    return settings.artifacts


def _make_pool(settings: Settings) -> str:
    if settings.pool == _AIRFLOWS_POOL:
        return f"{_AIRFLOWS_POOL} (Airflow's own)"
    from airflow.models.pool import Pool

    if Pool.get_pool(settings.pool) is not None:
        return f"{settings.pool} is there"
    Pool.create_or_update_pool(
        settings.pool, slots=settings.pool_slots, description="Tasks of DEAN", include_deferred=False
    )
    return f"{settings.pool} made, with {settings.pool_slots} slots"


def _check_dags() -> str:
    from airflow.configuration import conf

    ours = bundle_entry()["classpath"]
    if any(entry.get("classpath") == ours for entry in _configured_bundles()):
        return "as a bundle"
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        if session.get(DagModel, "dean_evolution_trial") is not None:
            return "seen by the DAG processor"
    folder = conf.get("core", "dags_folder")
    raise DeanError(
        "Airflow has not seen DEAN's DAGs: add the bundle that `airflow dean dags` prints, or a file with its one "
        f"import line to {folder}."
    )


def _configured_bundles() -> list[dict[str, Any]]:
    from airflow.configuration import conf

    entries = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    return cast("list[dict[str, Any]]", entries)
