"""`airflow dean serve evolution|indexagent`: the servers of the contracts, in this process until it is stopped."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import git_credentials, settings_in_process
from dean_airflow.cli.exits import command
from dean_airflow.errors import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dean_airflow.config import Settings
    from dean_airflow.store.store import Store

Build = Callable[["Settings", "Store"], "FastAPI"]


@command
def evolution(args: Any) -> int:
    """Serve the Evolution API: start, watch and cancel trials, which run here."""
    from dean_airflow.services.evolution.standalone import build_evolution_app

    credentials = git_credentials()
    return _serve(
        "Evolution",
        args,
        lambda settings: settings.evolution_port,
        lambda settings, store: build_evolution_app(settings, store, credentials),
    )


@command
def indexagent(args: Any) -> int:
    """Serve IndexAgent: search over indexed code; agents, populations and patterns."""
    from dean_airflow.services.indexagent.standalone import build_indexagent_app

    credentials = git_credentials()
    return _serve(
        "IndexAgent",
        args,
        lambda settings: settings.indexagent_port,
        lambda settings, store: build_indexagent_app(settings, store, credentials),
    )


def _serve(name: str, args: Any, usual_port: Callable[[Settings], int], build: Build) -> int:
    """Everything that can be wrong is found before anybody is served."""
    from dean_airflow.services.server.running import inherited, listening, run_server
    from dean_airflow.services.server.standing import STORE_PATIENCE
    from dean_airflow.store.store import Store

    logging.getLogger("dean_airflow").setLevel(logging.INFO)
    settings = settings_in_process()
    if args.fd is not None and (args.host is not None or args.port is not None):
        raise ConfigurationError("--fd names a socket that listens already; leave --host and --port out.")
    host = settings.server_host if args.host is None else args.host
    port = usual_port(settings) if args.port is None else args.port
    socket = listening(host, port) if args.fd is None else inherited(args.fd)
    with socket as listener, Store.open(settings.store, patience=STORE_PATIENCE) as store:
        app = build(settings, store)
        run_server(app, listener, lambda address: _say(f"The {name} server answers at {address}"))
    _say("Stopped.")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
