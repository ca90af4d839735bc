"""The level `off`: a plain process, for users who ask for it in so many words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.process import Plan, Planned


class OffSandbox(Planned):
    """Contains nothing, but gives the same clean environment and still ends everything that was started."""

    level: Literal["off"] = "off"

    def plan(self, argv: Sequence[str], jail: Jail) -> Plan:
        """As `Planned.plan`; of the jail, only the environment, the directory and `run`'s caps count."""
        environment = dict(jail.environment)
        if jail.index is not None:
            environment = {**jail.index.environment, **environment}
            if jail.index.upstream:
                environment["HTTPS_PROXY"] = jail.index.upstream
        return Plan(list(argv), environment, str(jail.cwd), capped=False)
