"""For tests, ours and users': stubs of the services, a fault proxy, and pytest fixtures that give them.

Stubs of IndexAgent, the Evolution API and Airflow answer over real HTTP and WebSockets from memory: trials go through
scripted scenarios, the same for the same seed, and their fitness is measured on a small problem. A stub can be told to
have faults, and remembers what it was asked. `FaultProxy` is a bad network for any TCP service. The pytest plugin
(`pytest_plugin`, found by itself) gives all of it as fixtures. Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dean_airflow.testing.airflow_runs import StubDag as StubDag
    from dean_airflow.testing.airflow_stub import AirflowStub as AirflowStub
    from dean_airflow.testing.conditions import Conditions as Conditions
    from dean_airflow.testing.conditions import Phase as Phase
    from dean_airflow.testing.conditions import weather as weather
    from dean_airflow.testing.evolution_stub import EvolutionStub as EvolutionStub
    from dean_airflow.testing.faults import Fault as Fault
    from dean_airflow.testing.indexagent_stub import IndexAgentStub as IndexAgentStub
    from dean_airflow.testing.proxy import FaultProxy as FaultProxy
    from dean_airflow.testing.recorder import Recorded as Recorded
    from dean_airflow.testing.repositories import git_repository as git_repository
    from dean_airflow.testing.scenario import Scenario as Scenario
    from dean_airflow.testing.scenario import failing as failing
    from dean_airflow.testing.scenario import hanging as hanging
    from dean_airflow.testing.scenario import standard as standard
    from dean_airflow.testing.services import StubServices as StubServices

_HOMES = {
    "AirflowStub": "airflow_stub",
    "Conditions": "conditions",
    "EvolutionStub": "evolution_stub",
    "Fault": "faults",
    "FaultProxy": "proxy",
    "IndexAgentStub": "indexagent_stub",
    "Phase": "conditions",
    "Recorded": "recorder",
    "Scenario": "scenario",
    "StubDag": "airflow_runs",
    "StubServices": "services",
    "failing": "scenario",
    "git_repository": "repositories",
    "hanging": "scenario",
    "standard": "scenario",
    "weather": "conditions",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
