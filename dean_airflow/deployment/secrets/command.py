"""An authority that is told by programs of the user's: any database or service that has a command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dean_airflow.deployment.hooks.runner import HookFailed, run_command
from dean_airflow.deployment.hooks.section import Hook
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.redaction import Redactor
from dean_airflow.deployment.secrets.target import Acceptance


class CommandAuthority:
    """`allow` is told DEAN_SECRET_OLD and DEAN_SECRET_NEW, `refuse` and `check` DEAN_SECRET, as variables.

    Ending with 0, `check` says that a value is accepted, with 1 that it is not. Without `refuse` nothing overlaps.
    """

    def __init__(
        self,
        root: Path,
        place: Place,
        allow: tuple[str, ...],
        refuse: tuple[str, ...] = (),
        check: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._root, self._place, self._timeout = root, place, timeout
        self._allow, self._refuse, self._check = allow, refuse, check
        self._environment = environment or {}

    @property
    def overlaps(self) -> bool:
        return bool(self._refuse)

    def allow(self, old: str, new: str) -> None:
        self._run("allow", self._allow, {"DEAN_SECRET_OLD": old, "DEAN_SECRET_NEW": new})

    def refuse(self, value: str, kept: str) -> None:
        if self._refuse:
            self._run("refuse", self._refuse, {"DEAN_SECRET": value, "DEAN_SECRET_KEPT": kept})

    def acceptance(self, value: str) -> Acceptance:
        if not self._check:
            return "unknown"
        try:
            self._run("check", self._check, {"DEAN_SECRET": value})
        except HookFailed as error:
            if error.code == 1:
                return "refused"
            raise
        return "accepted"

    def _run(self, name: str, command: tuple[str, ...], values: dict[str, str]) -> str:
        hook = Hook(name, self._place, command, self._timeout)
        return asyncio.run(run_command(hook, self._root, {**self._environment, **values}, Redactor(values.values())))
