"""What a task of a remote trial and the trigger it defers to both need to work at the trial; no secret is in it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.services.remote.trial import RemoteTrial

EVOLUTION_CONNECTION = "dean_evolution"
INDEXAGENT_CONNECTION = "dean_indexagent"
OPTION_PARAMS = ("timeout_seconds", "poll_seconds", "population")
"""Params of `dean_remote_trial` that say how the trial is followed; see RemoteOptions."""


@dataclass(frozen=True)
class RemoteSetup:
    """Serializable: a trigger is made of it again in another process, which then resolves the connections itself.

    `config` holds the trial's params, `options` RemoteOptions that differ from their defaults, `connections` the
    connection id of each kind of service. `execution` names the run and how often it was cleared.
    """

    trial_id: str
    config: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)
    execution: str = ""
    dag_id: str | None = None
    run_id: str | None = None
    user: str | None = None
    """Who triggered the run: the services hear the name, as X-User-ID."""

    def serialized(self) -> dict[str, Any]:
        return asdict(self)

    @asynccontextmanager
    async def opened(
        self,
        tell: Callable[[dict[str, Any]], object] = lambda generation: None,
        say: Callable[[str], object] = lambda line: None,
    ) -> AsyncIterator[RemoteTrial]:
        """The trial, with a pool and a store that are closed at the end. Raises DeanError."""
        opening = await opening_module()
        async with opening.opened_trial(self, tell, say) as trial:
            yield trial


async def opening_module() -> Any:
    """`remote_opening`, imported without holding up the event loop."""
    return await asyncio.to_thread(importlib.import_module, "dean_airflow.remote_opening")


def remote_setup(
    context: Context, trial_id: str, params: Mapping[str, Any], connections: Mapping[str, str]
) -> RemoteSetup:
    """The setup of a task: `params` are the trial's and the options', None meaning the default."""
    from dean_airflow.evolution.trial_config import TrialConfig

    run = context["dag_run"]
    return RemoteSetup(
        trial_id=trial_id,
        config={name: value for name, value in params.items() if name in TrialConfig.model_fields},
        options={name: params[name] for name in OPTION_PARAMS if params.get(name) is not None},
        connections=dict(connections),
        execution=f"{run.dag_id}/{run.run_id}/{run.clear_number or 0}",
        dag_id=run.dag_id,
        run_id=run.run_id,
        user=run.triggering_user_name,
    )
