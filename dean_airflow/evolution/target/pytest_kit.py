"""pytest and coverage for a target's environment, copied from DEAN's own installation so that no network is needed."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path, PurePosixPath

from dean_airflow.errors import InstallError

KIT = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage")
"""pytest with what it imports, and coverage."""


def kit_versions() -> list[str]:
    """`name==version` of every distribution of the kit. Raises InstallError when one is not installed."""
    return [f"{name}=={_distribution(name).version}" for name in KIT]


def copy_kit(site_packages: Path) -> None:
    """Copy the kit's files, as their RECORD lists them, into another `site-packages`.

    The metadata comes along, so an installer sees them as installed and can replace them by what the target pins.
    Raises InstallError when a distribution is missing or was not installed from a wheel.
    """
    for name in KIT:
        distribution = _distribution(name)
        if distribution.files is None:
            raise InstallError(f"DEAN's own {name} has no list of its files; install it from a wheel.")
        for file in distribution.files:
            path = PurePosixPath(file)
            if ".." in path.parts or path.is_absolute() or path.suffix == ".pyc":
                continue  # a console script or a cache
            source, destination = Path(str(distribution.locate_file(file))), site_packages / path
            if source.is_file():
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, destination)


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise InstallError(f"DEAN's own {name} is missing; install dean-airflow again.") from None
