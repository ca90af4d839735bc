"""Files that building a target made: present in what was installed, absent from its sources.

Such as a `_version.py` or a compiled extension inside a package. The sources are imported before the installed copy,
so these files have to lie beside the sources.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit


def collect_overlay(
    site_packages: Path, built_from: Path, project: Path, source_roots: tuple[str, ...], overlay: Path
) -> None:
    """Copy them into `overlay`, laid out like the project; nothing is made when there are none.

    `built_from` is the copy that was installed, by which its distribution is known (a build may write into that copy,
    so what is missing is told from `project`, the checkout). What the installation says is not trusted: only regular
    files inside `site_packages` are taken.
    """
    for record in site_packages.glob("*.dist-info/RECORD"):
        if not _installed_from(record.parent, built_from):
            continue
        with record.open(encoding="utf-8", errors="replace", newline="") as file:
            names = [PurePosixPath(row[0]) for row in csv.reader(file) if row]
        for name in names:
            root = _missing_from(name, project, source_roots)
            source = site_packages / name
            inside = source.resolve().is_relative_to(site_packages.resolve())
            if root is not None and inside and source.is_file() and not source.is_symlink():
                destination = overlay / root / name
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, destination)


def _installed_from(dist_info: Path, project: Path) -> bool:
    try:
        url = json.loads((dist_info / "direct_url.json").read_text("utf-8"))["url"]
        return Path(unquote(urlsplit(url).path)).resolve() == project.resolve()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _missing_from(name: PurePosixPath, project: Path, source_roots: tuple[str, ...]) -> str | None:
    """The source root whose package lacks this file; None: it is there, or belongs to no package of the sources."""
    if name.is_absolute() or ".." in name.parts or len(name.parts) < 2 or "__pycache__" in name.parts:
        return None
    homes = [root for root in source_roots if (project / root / name.parts[0]).is_dir()]
    if not homes or any((project / root / name).exists() for root in homes):
        return None
    return homes[0]
