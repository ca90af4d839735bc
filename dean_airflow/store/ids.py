"""Ids: opaque strings, a prefix and random hex digits; never from time alone."""

from __future__ import annotations

import secrets
import uuid


def trial_id_of_run(store_id: str, dag_id: str, run_id: str) -> str:
    """The id of the trial a DAG run starts: the same for every task and attempt of the run, and in no other store.

    `trial-` and the first 12 hex digits of uuid5 over the store's id, the dag id and the run id.
    """
    return "trial-" + uuid.uuid5(uuid.uuid5(uuid.UUID(store_id), dag_id), run_id).hex[:12]


def new_trial_id() -> str:
    """An id for a trial no DAG run started."""
    return "trial-" + secrets.token_hex(6)


def new_pattern_id() -> str:
    return "pattern-" + secrets.token_hex(6)


def deployment_id_of_run(store_id: str, dag_id: str, run_id: str) -> str:
    """The id of the deployment a DAG run makes, in the way of `trial_id_of_run`."""
    return "deployment-" + uuid.uuid5(uuid.uuid5(uuid.UUID(store_id), dag_id), run_id).hex[:12]


def new_deployment_id() -> str:
    """An id for a deployment no DAG run makes."""
    return "deployment-" + secrets.token_hex(6)
