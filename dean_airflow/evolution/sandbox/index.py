"""Network to the package index and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IndexAccess:
    """The hosts a jailed installer may reach, over TLS only."""

    hosts: tuple[str, ...] = ("pypi.org", "files.pythonhosted.org")
