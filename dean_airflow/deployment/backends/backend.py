"""The protocol of what runs services. Every method may be called again after a crash and then ends the same way."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from dean_airflow.deployment.plan.release import ServiceRelease

RunState = Literal["running", "starting", "restarting", "stopped", "failed"]


@dataclass(frozen=True)
class RunStatus:
    """Whether a release runs; `reason` says why not. `restarting`: it ended, and is started once more."""

    state: RunState
    reason: str = ""


class Backend(Protocol):
    """Runs releases of services at one deployment directory. Methods raise DeploymentError with one sentence."""

    @property
    def name(self) -> str: ...

    def refusal(self, release: ServiceRelease, strategy: str) -> str:
        """Why this release cannot be rolled out in this way; empty where it can. Touches nothing."""

    def prepare(self, release: ServiceRelease) -> None:
        """Puts a release on this machine, ready to start, beside others of the service."""

    def start(self, service: str, release: str) -> None:
        """Starts a prepared release. It gets no traffic yet where another one has it."""

    def status(self, service: str, release: str) -> RunStatus:
        """Whether it runs. Touches nothing."""

    def reach(self, service: str, release: str) -> AbstractContextManager[str]:
        """The URL under which this very release is verified, whoever has the traffic; empty where it has none."""

    def switch(self, service: str, release: str) -> None:
        """New connections go to this release from now on."""

    def stop(self, service: str, release: str) -> None:
        """Ends a release after what it was asked has been answered. Its files stay."""

    def remove(self, service: str, release: str) -> None:
        """Takes a stopped release off this machine; what services keep (volumes) is never part of one."""

    def prepared(self, service: str, release: str) -> ServiceRelease | None:
        """The release as it was prepared, without its environment; None where it is not on this machine."""

    def close(self, *, destructive: bool = False) -> None:
        """Ends everything that was started here; `destructive`: what services keep is removed, too."""

    def state(self) -> Mapping[str, Any]:
        """What runs, which releases are here, who has the traffic: equal before and after where nothing changed."""
