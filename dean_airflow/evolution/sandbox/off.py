"""The level `off`: a plain process, for users who ask for it in so many words."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Literal

from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.process import Plan, Process, Stream, launch


class OffSandbox:
    """Contains nothing, but gives the same clean environment and still ends everything that was started."""

    level: Literal["off"] = "off"

    def popen(
        self,
        argv: Sequence[str],
        jail: Jail,
        *,
        pass_fds: Sequence[int] = (),
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = subprocess.DEVNULL,
        stderr: Stream = subprocess.DEVNULL,
    ) -> Process:
        """As `Sandbox.popen`; of the jail, only the environment, the directory and `run`'s caps count."""
        environment = dict(jail.environment)
        if jail.index is not None:
            environment = {**jail.index.environment, **environment}
            if jail.index.upstream:
                environment["HTTPS_PROXY"] = jail.index.upstream
        plan = Plan(list(argv), environment, str(jail.cwd))
        return launch(
            plan,
            jail.limits,
            watched=(),
            capped=False,
            pass_fds=pass_fds,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
