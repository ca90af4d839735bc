"""The state of a site in a form that can be compared: equal before and after whatever changed nothing.

Times, numbers that only count (tokens, sequences) and the ids of deployments are left out; everything else that a
deployment writes is in it: files, what runs, who has the traffic, rows of releases, backups, open steps, the lock.
"""

from __future__ import annotations

from typing import Any

from dean_airflow.deployment.backends.backend import Backend
from dean_airflow.deployment.rollout.backups import list_backups
from dean_airflow.deployment.site import Site
from dean_airflow.store.store import Store


def canonical_state(store: Store, backend: Backend, site: Site) -> dict[str, Any]:
    """Everything a deployment of the site may change."""
    deployments = store.deployments.list(place=site.id, limit=1000)
    return {
        "backend": dict(backend.state()),
        "releases": {
            service: (row.release, row.previous_release, row.data)
            for service, row in store.releases.current(site.id).items()
        },
        "backups": [dict(backup.releases) for backup in list_backups(site)],
        "half_written": sorted(path.name for path in site.folder.glob("*/*.new")) if site.folder.exists() else [],
        "locked": store.deployment_locks.holder(site.id) is not None,
        "unfinished": [each.status for each in deployments if not each.is_final],
        "open_steps": [
            (each.status, key)
            for each in deployments
            if each.status != "succeeded"
            for attempt in range(1, each.attempt + 1)
            for key in _open(store, each.id, attempt)
        ],
    }


def _open(store: Store, deployment_id: str, attempt: int) -> list[tuple[str, str]]:
    """Steps that had an effect which was not taken back; an attempt that went past its commit has none."""
    folded: dict[tuple[str, str], str] = {}
    for line in store.deployment_steps.of_attempt(deployment_id, attempt):
        folded[(line.service, line.action)] = line.state
    if folded.get(("", "commit")) == "done":
        return []
    return [key for key, state in folded.items() if state != "compensated"]
