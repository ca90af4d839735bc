"""The program that installs into a target's environment: pip where we have one, else uv, else Python's bundled pip."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.errors import InstallError
from dean_airflow.evolution.sandbox.index import IndexAccess


@dataclass(frozen=True)
class Installer:
    """A command line up to `install`'s own arguments, and what a jailed process must be able to read to run it."""

    name: str
    command: tuple[str, ...]
    readable: tuple[Path, ...]


def find_installer(python: Path) -> Installer:
    """The installer for the environment whose interpreter is `python`. Raises InstallError when there is none."""
    pip = _pip() or _bundled_pip()
    uv = _uv()
    if _pip() is None and uv is not None:
        return Installer("uv", (str(uv), "pip", "install", "--python", str(python)), (uv,))
    if pip is not None:
        place = pip if pip.is_dir() else pip.parent
        return Installer("pip", (str(python), "-I", str(pip), "install"), (place,))
    raise InstallError("Neither pip nor uv is installed beside DEAN; install one, or set `install` to an empty list.")


def installer_environment(home: Path, python: Path, version: str, index: IndexAccess) -> dict[str, str]:
    """The whole environment of a jailed install: no secret, no configuration or cache of the host's user."""
    variables = {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_COLOR": "1",
        "PIP_PROGRESS_BAR": "off",
        "UV_NO_CONFIG": "1",
        "UV_NO_CACHE": "1",
        "UV_NO_PROGRESS": "1",
        "UV_LINK_MODE": "copy",
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
        # Build tools that would ask git for the version, of which there is none in a checkout.
        "SETUPTOOLS_SCM_PRETEND_VERSION": version,
        "PDM_BUILD_SCM_VERSION": version,
        "PBR_VERSION": version,
        "POETRY_DYNAMIC_VERSIONING_BYPASS": version,
    }
    return variables | uv_settings(index.environment)


def uv_settings(pip: Mapping[str, str]) -> dict[str, str]:
    """The same indexes and certificates for uv, which reads none of pip's variables."""
    variables = {"UV_NATIVE_TLS": "1"}
    names = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_FIND_LINKS": "UV_FIND_LINKS",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    for ours, theirs in names.items():
        if pip.get(ours):
            variables[theirs] = pip[ours]
    if "UV_FIND_LINKS" in variables:
        variables["UV_FIND_LINKS"] = ",".join(variables["UV_FIND_LINKS"].split())
    return variables


def _pip() -> Path | None:
    """The folder of an importable pip, which the target's interpreter can run without installing it."""
    spec = importlib.util.find_spec("pip")
    return Path(spec.origin).parent if spec and spec.origin else None


def _bundled_pip() -> Path | None:
    """pip inside the wheel that Python's own ensurepip carries."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    wheels = sorted((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"))
    return wheels[-1] / "pip" if wheels else None


def _uv() -> Path | None:
    """A real uv: a version manager's shim is a script, which needs its manager to run."""
    folders = [str(Path(sys.executable).parent), str(Path(sys.base_prefix) / "bin"), *os.get_exec_path()]
    for folder in folders:
        found = shutil.which("uv", path=folder)
        if found is not None:
            path = Path(found).resolve()
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    return path
    return None
