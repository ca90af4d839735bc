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
    "/etc/services",
    "/etc/protocols",
    "/etc/timezone",
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc/system-release",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
)
"""What programs read of /etc and holds no secret."""

SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr on most systems, directories of their own on others."""


def home_directory() -> Path:
    """The user's; the root directory for a user who has none (an arbitrary id in a container)."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def system_paths() -> list[Path]:
    """Those of them that exist, each also where it really is."""
    # Debian's interpreter has its sitecustomize in /etc.
    interpreter = [Path(sys.base_prefix), Path(sys.base_exec_prefix), *Path("/etc").glob("python3*")]
    return [path for path in with_real([Path("/usr"), *map(Path, ETC), *interpreter]) if path.exists()]


def with_real(paths: Iterable[Path]) -> list[Path]:
    """Each path, and where it really is."""
    return list(dict.fromkeys(each for path in paths for each in (path, path.resolve())))
