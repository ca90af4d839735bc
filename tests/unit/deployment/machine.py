"""A machine for probes to ask that answers as a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dean_airflow.deployment.finding import NotChecked
from dean_airflow.deployment.probes.probes import LoginRefused, Ran, Space

GB = 1024**3
MISSING = Ran(None, "", "there is no such command")


@dataclass
class Machine:
    """Healthy, with Docker, unless told otherwise. `commands` answers by the beginning of the command line."""

    commands: dict[str, Ran] = field(default_factory=dict)
    ports: dict[int, str] = field(default_factory=dict)
    free: int = 50 * GB
    free_inodes: int = 900
    memory_bytes: int = 64 * GB
    cpu_count: int = 32
    offset: float | None = 0.0
    hosts: dict[str, list[str]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=lambda: {"192.0.2.1"})
    closed: dict[tuple[str, int], str] = field(default_factory=dict)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    logins: dict[int, str] = field(default_factory=dict)
    rows: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    def run(self, command: Sequence[str], *, seconds: float = 5.0, cwd: Path | None = None) -> Ran:
        line = " ".join(command)
        for beginning, ran in self.commands.items():
            if beginning in line:
                return ran
        return Ran(0, "27.3.1", "")

    def port_owner(self, host: str, port: int, protocol: str = "tcp") -> str | None:
        return self.ports.get(port)

    def space(self, path: Path) -> Space:
        return Space(100 * GB, self.free, 1000, self.free_inodes)

    def memory(self) -> int:
        return self.memory_bytes

    def cpus(self) -> int:
        return self.cpu_count

    def clock_offset(self) -> float:
        if self.offset is None:
            raise NotChecked("there is no time daemon")
        return self.offset

    def resolve(self, host: str) -> list[str]:
        return self.hosts.get(host, ["192.0.2.1"])

    def own_addresses(self) -> set[str]:
        return self.addresses

    def connect(self, host: str, port: int) -> str:
        return self.closed.get((host, port), "")

    def http_status(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        return next((answer for part, answer in self.answers.items() if part in url), (200, "{}"))

    def redis_login(self, host: str, port: int, user: str, password: str) -> str:
        return self.logins.get(port, "")

    def query(self, url: str, statement: str) -> list[tuple[object, ...]]:
        for part, rows in self.rows.items():
            if part in statement:
                return rows
        if "refuse" in self.rows:
            raise LoginRefused("password authentication failed")
        if "server_version_num" in statement:
            return [(160004,)]
        return [] if "pg_tables" in statement or "pg_extension" in statement else [(True, True, True)]
