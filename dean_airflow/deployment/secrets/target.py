"""What can be rotated, and what a rotation asks of it."""

from __future__ import annotations

from typing import Literal, Protocol

Acceptance = Literal["accepted", "refused", "partly", "unknown"]
"""Of a value, by everybody who is asked: `partly` where some accept it and others do not, `unknown` where nobody is."""


class Target(Protocol):
    """One secret. Each method may be called again after a crash, and then ends the same way.

    Methods raise DeploymentError with one sentence that holds no value.
    """

    @property
    def name(self) -> str:
        """For people, the audit and the journal."""

    @property
    def overlaps(self) -> bool:
        """Whether the old and the new value are accepted at the same time, until the old one is retired."""

    def read(self) -> str:
        """The value in use."""

    def generate(self) -> str:
        """A new one, from the system's randomness."""

    def add(self, old: str, new: str) -> None:
        """From now on the new value is accepted."""

    def switch(self, old: str, new: str) -> None:
        """From now on the new value is what readers find."""

    def retire(self, old: str, new: str) -> None:
        """From now on the old value is accepted no more."""

    def restore(self, old: str, new: str) -> None:
        """As before the rotation, whatever of it was done: the old value is in use and the new one worth nothing."""

    def acceptance(self, value: str) -> Acceptance:
        """Whether a value is accepted now, found out by trying it."""

    def shown(self, value: str) -> tuple[str, ...]:
        """The parts of a value that must not be seen anywhere."""


class Holder(Protocol):
    """Where a value is kept that readers find: a file of the deployment, an Airflow variable or connection."""

    def read(self) -> str: ...

    def write(self, value: str) -> None:
        """Whole or not at all."""


class Authority(Protocol):
    """Who accepts a value: a database, a service."""

    @property
    def overlaps(self) -> bool: ...

    def allow(self, old: str, new: str) -> None:
        """The new value is accepted; the old one as well where `overlaps`. It must not matter which is in force."""

    def refuse(self, value: str, kept: str) -> None:
        """A value is accepted no more; `kept` is the one that is."""

    def acceptance(self, value: str) -> Acceptance: ...
