"""A target's own virtual environment: built once in the sandbox, kept by content, shared by every trial of the machine.

It is built where it stays, because scripts have its path written into them, and it counts only once its marker is
there; a lock keeps a second trial waiting for the first one's build.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.errors import InstallError
from dean_airflow.evolution.sandbox.index import IndexAccess, index_access
from dean_airflow.evolution.sandbox.jail import Jail, Limits
from dean_airflow.evolution.sandbox.sandbox import Completed, Sandbox, run
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.file_lock import file_lock, try_lock
from dean_airflow.evolution.target.installer import find_installer, installer_environment
from dean_airflow.evolution.target.overlay import collect_overlay
from dean_airflow.evolution.target.pytest_kit import copy_kit, kit_versions
from dean_airflow.evolution.target.target import Checkout, Environment, TargetSettings

LAYOUT = 1
"""Part of the cache key: raise it when what is put into an environment changes."""

INSTALL_LIMITS = Limits(
    cpu_seconds=1800, memory_mb=4096, processes=512, file_mb=2048, disk_mb=6144, output_mb=16, wall_seconds=1200
)
_MARKER = "dean-environment.json"


def build_environment(
    checkout: Checkout,
    settings: TargetSettings,
    sandbox: Sandbox,
    cache_dir: Path,
    index: IndexAccess | None = None,
    index_url: str = "",
) -> Environment:
    """The environment that `settings.install` describes, from the cache or built now.

    It holds pytest and coverage in any case. `index` is what an install may reach (default: the index `index_url`,
    else the one pip is configured with here). The checkout itself is not written to: a copy of it is built.
    Raises InstallError in one sentence that ends with the installer's last words.
    """
    key = environment_key(checkout, settings)
    place = cache_dir.resolve() / "environments" / key
    with (
        disk_errors(InstallError, "build the target's environment", place.parent),
        file_lock(place.with_suffix(".lock")),
    ):
        if not (place / _MARKER).exists():
            shutil.rmtree(place, ignore_errors=True)
            try:
                _build(place, checkout, settings, sandbox, index or index_access(index_url))
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
        os.utime(place / _MARKER)
    overlay = place / "overlay"
    return Environment(_python(place), (place,), overlay if overlay.is_dir() else None)


def environment_key(checkout: Checkout, settings: TargetSettings) -> str:
    """Digest of everything that decides what an environment holds.

    With nothing of the target's to build it is one for all; otherwise every file of the checkout counts, because a
    build may run and copy any of them.
    """
    facts = [LAYOUT, sys.version, sys.base_prefix, kit_versions(), list(settings.install)]
    digest = hashlib.sha256(json.dumps(facts).encode())
    if settings.install:
        digest.update(json.dumps([checkout.version, str(checkout.project.relative_to(checkout.root))]).encode())
        for path in _files(checkout.root):
            digest.update(f"\0{path.relative_to(checkout.root)}\0".encode("utf-8", "surrogateescape"))
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def remove_old_environments(cache_dir: Path, days: float) -> list[Path]:
    """Remove environments no trial asked for in that many days, and remains of broken builds; what was removed."""
    removed = []
    for lock in sorted((cache_dir / "environments").glob("*.lock")):
        place, held = lock.with_suffix(""), try_lock(lock)
        if held is None:
            continue
        try:
            marker = place / _MARKER
            newest = marker if marker.exists() else place
            if place.exists() and newest.stat().st_mtime < time.time() - days * 86400:
                shutil.rmtree(place)
                removed.append(place)
        finally:
            os.close(held)
    return removed


def _build(
    place: Path,
    checkout: Checkout,
    settings: TargetSettings,
    sandbox: Sandbox,
    index: IndexAccess,
) -> None:
    _make_venv(place)
    site_packages = next((place / "lib").glob("python3.*/site-packages"))
    copy_kit(site_packages)
    if settings.install:
        with tempfile.TemporaryDirectory(prefix="build-", dir=place.parent) as scratch:
            source = Path(scratch) / "source"
            shutil.copytree(checkout.root, source, symlinks=True)
            project = source / checkout.project.relative_to(checkout.root)
            _install(place, project, checkout.version, settings.install, sandbox, index, Path(scratch))
            collect_overlay(site_packages, project, checkout.project, settings.source_roots, place / "overlay")
    (place / _MARKER).write_text(json.dumps({"install": settings.install, "kit": kit_versions()}), encoding="utf-8")


def _make_venv(place: Path) -> None:
    # In a process of its own: `venv` takes its interpreter from the one that runs it, and changes its environment.
    made = subprocess.run(
        [sys.executable, "-I", "-m", "venv", "--without-pip", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise InstallError(f"Python could not make a virtual environment in {place}: {_last_words(made.stderr)}")


def _install(
    place: Path,
    project: Path,
    version: str,
    arguments: tuple[str, ...],
    sandbox: Sandbox,
    index: IndexAccess,
    scratch: Path,
) -> None:
    python = _python(place)
    installer = find_installer(python)
    home = scratch / "home"
    (home / "tmp").mkdir(parents=True)
    jail = Jail(
        readable=installer.readable,
        writable=(place, scratch),
        cwd=project,
        environment=installer_environment(home, python, version, index),
        limits=INSTALL_LIMITS,
        index=index,
    )
    done = run(sandbox, [*installer.command, *_not_editable(arguments)], jail)
    if done.returncode != 0 or done.stopped_for:
        raise InstallError(f"The target could not be installed ({' '.join(arguments)}): {_reason(done)}")


def _not_editable(arguments: tuple[str, ...]) -> list[str]:
    """Without `-e`: the copy that is built from goes away, and the checkout is imported before what is installed."""
    kept = [argument.removeprefix("--editable=") for argument in arguments if argument not in ("-e", "--editable")]
    return [argument for argument in kept if argument]


def _reason(done: Completed) -> str:
    if done.stopped_for == "wall":
        return f"the installer was stopped after {INSTALL_LIMITS.wall_seconds:g} s."
    if done.stopped_for:
        return f"the installer was stopped because it passed the cap on {done.stopped_for}."
    words = _last_words((done.stdout + b"\n" + done.stderr).decode("utf-8", "replace"))
    return f"the installer was killed (signal {done.returncode - 128}): {words}" if done.returncode > 128 else words


def _last_words(output: str) -> str:
    """The installer's errors, else its last lines, as the end of a sentence."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in output.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("hint:", "note:", "[notice]"))]
    errors = [line for line in lines if re.match(r"(ERROR|error)\b|[×╰]|\w*Error\b", line)]
    words = " ".join((errors or lines)[-4:]) or "it said nothing."
    return words[-600:].rstrip(".") + "."


def _files(root: Path) -> Iterator[Path]:
    for folder, directories, files in os.walk(root):
        directories.sort()
        links = [name for name in directories if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted([*files, *links]))


def _python(place: Path) -> Path:
    return place / "bin" / "python"
