"""What a deployment works with: the store, the backend, and everything that a test or another room puts in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from dean_airflow.config import Settings
from dean_airflow.deployment.backends.backend import Backend
from dean_airflow.deployment.backends.compose.compose import ComposeBackend
from dean_airflow.deployment.backends.process.process import ProcessBackend
from dean_airflow.deployment.canary.compare_releases import compare_releases
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.hooks.runner import run_hooks
from dean_airflow.deployment.site import Site
from dean_airflow.deployment.variables import deployment_variables
from dean_airflow.errors import DeploymentError
from dean_airflow.store.store import Store

LOCK_TTL = timedelta(seconds=60)
"""How long the lock outlives a process that was killed at work."""
LOCK_GAP = timedelta(minutes=15)
"""How long it is kept between two tasks of a run: a busy scheduler may need that long to start the next one."""


class Outcome(Protocol):
    """What came of comparing a new release with the old one; `verdict` is pass, fail or inconclusive."""

    @property
    def proceed(self) -> bool: ...
    @property
    def verdict(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


class Hooks(Protocol):
    def __call__(self, name: str, deployment: Deployment, facts: Mapping[str, str]) -> bool:
        """Runs the hook of that name; False aborts the deployment. Raises DeploymentError."""


class Compare(Protocol):
    def __call__(self, deployment: Deployment, service: str, old_url: str, new_url: str) -> Outcome:
        """Compares the release at `new_url` with the one at `old_url`. Raises DeploymentError."""


def backend_named(name: str, site: Site) -> Backend:
    """The backend of that name. Raises DeploymentError for an unknown one."""
    if name == ComposeBackend.name:
        return ComposeBackend(site)
    if name != ProcessBackend.name:
        known = f"{ProcessBackend.name} and {ComposeBackend.name}"
        raise DeploymentError(f"There is no backend {name!r}; there are {known}.")
    return ProcessBackend(site)


def nothing(point: str) -> None:
    """What happens at a point of a deployment unless a test wants something to."""


@dataclass
class Means:
    """`say` gets every line of the log. `compare` and `hooks` are None where there is nothing to run them.

    `variables` are secrets and others that the description may name. `at` is called with the name of every point
    between two effects: what it raises is a fault there, and where it ends the process, that is a crash.
    """

    settings: Settings
    store: Store
    say: Callable[[str], object]
    backend_of: Callable[[str, Site], Backend] = backend_named
    hooks: Hooks | None = run_hooks
    compare: Compare | None = compare_releases
    variables: Callable[[Deployment], Mapping[str, str]] = deployment_variables
    at: Callable[[str], None] = nothing
    lock_ttl: timedelta = LOCK_TTL
    lock_gap: timedelta = LOCK_GAP
    execution: str = ""
    dag_id: str | None = None
    run_id: str | None = None
