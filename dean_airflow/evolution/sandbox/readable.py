"""The parts of the machine that every jail can read: the system's libraries and the base interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ETC = (
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
)
"""What programs read of /etc and holds no secret."""

SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr on most systems, directories of their own on others."""


def system_paths() -> list[Path]:
    """Those of them that exist, each also where it really is."""
    prefixes = dict.fromkeys([Path(sys.base_prefix), Path(sys.base_exec_prefix)])
    return [path for path in with_real([Path("/usr"), *map(Path, ETC), *prefixes]) if path.exists()]


def with_real(paths: Iterable[Path]) -> list[Path]:
    """Each path, and where it really is."""
    return list(dict.fromkeys(each for path in paths for each in (path, path.resolve())))
