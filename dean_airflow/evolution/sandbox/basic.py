"""The level `basic`: Landlock, a seccomp filter, rlimits and an own user, for machines without namespaces."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox import landlock
from dean_airflow.evolution.sandbox.index import IndexAccess
from dean_airflow.evolution.sandbox.jail import Jail
from dean_airflow.evolution.sandbox.process import Plan, Planned
from dean_airflow.evolution.sandbox.proxy import IndexProxy
from dean_airflow.evolution.sandbox.readable import SYSTEM_LINKS, system_paths, with_real
from dean_airflow.evolution.sandbox.seccomp import basic_filter

_OWN_USERS = 0x4DEA0000
"""First of the user ids given to jails, one each; far above what accounts and containers use."""
_TRANSIENT_USERS = range(61184, 65520)
"""Where only 65,536 ids are mapped (a container): the ids that systemd sets aside for services' passing users."""

_FILES = (
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/sys/devices/system/cpu",
)
"""What programs ask of the host; the rest of /proc would show other processes' command lines."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class BasicSandbox(Planned):
    """Sees the host's processes and file names, and can open only what it may; see `threat-model.md` for the gaps."""

    level: Literal["basic"] = "basic"

    def plan(self, argv: Sequence[str], jail: Jail) -> Plan:
        """As `Planned.plan`."""
        cleanups: list[Callable[[], None]] = []
        ports: list[int] = []
        if jail.index is not None:
            jail = _connected(jail, jail.index, ports, cleanups)
        confine = {
            "uid": _own_user(),
            "readable": [*map(str, with_real([*system_paths(), *jail.readable])), *SYSTEM_LINKS, *_FILES],
            "writable": [str(path) for path in with_real(jail.writable)],
            "devices": list(_DEVICES),
            "ports": ports,
            "filter": basic_filter(network=bool(ports), truncate=landlock.abi() >= landlock.TRUNCATE_SINCE),
        }
        return Plan(list(argv), jail.environment, str(jail.cwd), confine=confine, cleanups=cleanups)

    @staticmethod
    def missing() -> str:
        """Why this level does not work here, as the end of a sentence; empty if it does. Tries it."""
        if sys.platform != "linux":
            return "it needs Linux"
        if landlock.abi() == 0:
            return "this kernel has no Landlock, or has it switched off"
        try:
            process = BasicSandbox().popen(["/usr/bin/env"], Jail((), (), Path("/"), {}))
            status = process.wait()
        except SandboxError as error:
            return str(error).rstrip(".")
        return "" if status == 0 else f"a confined process ended with status {status}"


def _connected(jail: Jail, index: IndexAccess, ports: list[int], cleanups: list[Callable[[], None]]) -> Jail:
    """The jail with a way to the package index: the port of our proxy. Raises SandboxError without Landlock's part."""
    if landlock.abi() < landlock.NETWORK_SINCE:
        raise SandboxError(
            "The sandbox level `basic` can open the network to the package index alone only on Linux 6.7 or newer; "
            "install bubblewrap for the level `full`, or give a target that needs nothing installed."
        )
    proxy = IndexProxy(index.hosts, index.upstream)
    cleanups.append(proxy.close)
    ports.append(proxy.port)
    address = f"http://127.0.0.1:{proxy.port}"
    return replace(
        jail,
        readable=(*jail.readable, *index.readable),
        environment={**index.environment, **jail.environment, "HTTPS_PROXY": address, "https_proxy": address},
    )


_serial = itertools.count()


def _own_user() -> int | None:
    """A user id that no other jail alive has, when we are root and can give one; None: the jail keeps ours.

    Only processes of their own user can be counted, and be told from everybody else's.
    """
    if os.geteuid() != 0:
        return None
    # Two processes of ours differ in their id, and none has 64 jails alive at once.
    wanted = _OWN_USERS + (os.getpid() << 6 & 0xFFFFFFF) + next(_serial) % 64
    return wanted if _is_mapped(wanted) else _TRANSIENT_USERS[wanted % len(_TRANSIENT_USERS)]


def _is_mapped(uid: int) -> bool:
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= uid < first + count:
            return True
    return False
