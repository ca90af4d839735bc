"""Loads what the judge's first message names, answers what was found, and serves."""

from __future__ import annotations

import os
import socket
import sys
import traceback
from typing import Any

from . import clock, family, wire, workloads
from .profiling import ProfilingZygote


def start(connection: socket.socket) -> None:
    """The whole life of a worker process."""
    order = wire.receive(connection)
    family.become_parent()
    os.chdir(order["project"])
    sys.path[:0] = order["roots"]
    sys.setrecursionlimit(max(sys.getrecursionlimit(), order.get("recursion_limit", 0)))
    try:
        if order["kind"] == "callable":
            _serve_callable(connection, order)
        else:
            from .parked_pytest import serve_tests

            serve_tests(connection, order)
    except wire.WireClosed:
        return
    except BaseException as error:
        _answer_failure(connection, error)


def _serve_callable(connection: socket.socket, order: dict[str, Any]) -> None:
    workload = workloads.CallableWorkload(order["spec"])
    seconds, outcome = workload.run(order.get("seed", 0), 1)
    found = workloads.settle(order["project"])
    zygote = ProfilingZygote(connection, workload, order["project"])
    family.freeze()
    ready = {
        "ok": True,
        "takes_seed": workload.takes_seed,
        "seconds": seconds,
        "raised": outcome.raised,
        "says": outcome.describe(),
        "clock_step": clock.step(),
        **found,
    }
    wire.send(connection, ready)
    zygote.serve()


def _answer_failure(connection: socket.socket, error: BaseException) -> None:
    if isinstance(error, workloads.Unusable):
        text = str(error)
    else:
        where = traceback.extract_tb(error.__traceback__)[-1:]
        place = f" at {where[0].filename}:{where[0].lineno}" if where else ""
        text = f"{type(error).__name__}: {error}{place}"
    wire.send(connection, {"ok": False, "error": text[:4000]})
