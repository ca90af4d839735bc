"""The questions that checks may ask of a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended. `code` is None where there is no such command."""

    code: int | None
    output: str
    error: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True)
class Space:
    """Room on a file system: bytes and inodes, all and free to an ordinary user."""

    total: int
    free: int
    inodes: int
    free_inodes: int


class Probes(Protocol):
    """What a check may ask. Every method is bounded in time; each raises NotChecked where it cannot tell."""

    def run(self, command: Sequence[str], *, seconds: float = 5.0, cwd: Path | None = None) -> Ran:
        """Runs a command that changes nothing."""

    def port_owner(self, host: str, port: int, protocol: str = "tcp") -> str | None:
        """Who holds a port: None where it is free, else a process's name, or `another process`."""

    def space(self, path: Path) -> Space:
        """The room where a path is, or would be."""

    def memory(self) -> int:
        """The machine's memory in bytes."""

    def cpus(self) -> int:
        """The machine's CPUs."""

    def clock_offset(self) -> float:
        """Seconds by which the clock differs from its reference, as the time daemon has it."""

    def resolve(self, host: str) -> list[str]:
        """The addresses of a host; empty where its name is not known."""

    def own_addresses(self) -> set[str]:
        """The addresses of this machine."""

    def connect(self, host: str, port: int) -> str:
        """Why a TCP connection cannot be made; empty where it can."""

    def http_status(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The status and body of a GET; 0 with the reason where there is no answer."""

    def redis_login(self, host: str, port: int, user: str, password: str) -> str:
        """Why a cache refuses a login or PING; empty where it answers."""

    def query(self, url: str, statement: str) -> list[tuple[object, ...]]:
        """Rows of a reading statement. Raises LoginRefused where the server refuses."""


class LoginRefused(Exception):
    """The server was reached and refuses; its text is the reason without any secret."""
