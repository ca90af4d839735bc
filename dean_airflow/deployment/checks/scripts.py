"""M57 and M78: what redeploying destroys, and what could bring it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.checks.rotation import as_date
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import scripts
from dean_airflow.deployment.place import Place

OLDEST_BACKUP = timedelta(days=2)
_REMOVES = re.compile(
    r"\bdocker(?:-|\s+)compose\b.*\bdown\b.*\s(?:-\w*v\w*|--volumes)(?:\s|$|;)"
    r"|\bdocker\s+(?:system|container|image)?\s*prune\b.*--volumes|\bdocker\s+volume\s+(?:rm|remove|prune)\b"
    r"|\bdocker(?:-|\s+)compose\b.*\brm\b.*\s-\w*v"
)
_EXPLICIT = re.compile(
    r"destroy|teardown|tear[-_]down|clean|reset|uninstall|purge|nuke|wipe|remove|down", re.IGNORECASE
)
_TARGET = re.compile(r"^([\w.-]+)\s*:(?!=)")
_DATE = re.compile(r"(?<!\d)(20\d{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_WINDOWS = re.compile(
    r"\b(?:powershell|pwsh|cmd(?:\.exe)?\s+/c|robocopy|xcopy|wsl|net\s+stop|sc\.exe|wmic|Restore-Computer)\b", re.I
)
_LINUX_ONLY = (".ps1", ".bat", ".cmd")


@check(
    "M57", "warning", "Redeploying removes volumes",
    why="A routine deployment deletes the data.",
    fix="Move it behind an explicit flag.",
)  # fmt: skip
def removes_volumes(deployment: Deployment) -> Iterator[Hit]:
    for script in scripts(deployment):
        if _EXPLICIT.search(script.source.path.stem):
            continue
        for line in script.logical_lines:
            if not _REMOVES.search(line.text) or line.guarded or re.match(r"\s*(?:echo|printf|log)\b", line.text):
                continue
            if line.function and (_EXPLICIT.search(line.function) or not script.runs_unguarded(line.function)):
                continue
            yield Hit(script.source.at(line.number), f"{script.source.name} removes volumes whenever it runs.")
    for source in deployment.tree.sources:
        if source.path.name in ("Makefile", "makefile") or source.path.suffix in (".mk", ".ps1", ".bat"):
            target = ""
            guarded = _guarded_lines(source.lines) if source.path.suffix == ".ps1" else frozenset()
            for number, text in enumerate(source.lines, 1):
                match = _TARGET.match(text)
                target = match[1] if match else target
                explicit = source.path.suffix not in (".ps1", ".bat") and (not target or _EXPLICIT.search(target))
                if (
                    not explicit
                    and number not in guarded
                    and not text.lstrip().startswith(("#", "@#", "@echo", "echo"))
                    and _REMOVES.search(text)
                ):
                    yield Hit(source.at(number), f"{source.name} removes volumes in {target or 'its course'}.")


def _guarded_lines(lines: list[str]) -> frozenset[int]:
    """Lines of a PowerShell script that an `if` on one of its parameters, or on an answer, decides about."""
    parameters = re.search(r"(?is)\bparam\s*\((.*?)\n?\)\s*(?:\n|$)", "\n".join(lines))
    names = re.findall(r"\$(\w+)", parameters[1]) if parameters else []
    names += re.findall(r"(?i)\$(\w+)\s*=\s*Read-Host", "\n".join(lines))
    if not names:
        return frozenset()
    condition = re.compile(rf"(?i)\bif\s*\(.*\$(?:{'|'.join(map(re.escape, names))})\b")
    guarded: set[int] = set()
    depth, until = 0, None
    for number, line in enumerate(lines, 1):
        if until is None and condition.search(line):
            until = depth
        if until is not None:
            guarded.add(number)
        depth += line.count("{") - line.count("}")
        if until is not None and depth <= until and "}" in line:
            until = None
    return frozenset(guarded)


@check(
    "M78", "warning", "No recent backup, or no way back",
    why="After a failed deployment there is nothing to return to.",
    fix="Take a backup; use the rollback tool of this platform.",
)  # fmt: skip
def no_backup(deployment: Deployment) -> Iterator[Hit]:
    declared = deployment.file.get("backups", "dir")
    folder = deployment.tree.resolve(declared.text) if declared is not None else deployment.root / "backups"
    if folder.is_dir():
        newest = _newest(deployment, folder)
        place = declared.place if declared is not None else Place(deployment.tree.name(folder))
        if newest is None and declared is not None:
            yield Hit(place, f"{deployment.tree.name(folder)} holds no backup.")
        elif newest is not None and newest[0] < deployment.now - OLDEST_BACKUP - timedelta(days=newest[2]):
            age = (deployment.now - newest[0]).days
            also = (Place(deployment.tree.name(newest[1])),)
            yield Hit(place, f"The newest backup in {deployment.tree.name(folder)} is {age} days old.", also=also)
    yield from _other_platform(deployment)


def _newest(deployment: Deployment, folder: Path) -> tuple[datetime, Path, int] | None:
    """The newest backup, and by how many days a date without a time may be late."""
    found: list[tuple[datetime, Path, int]] = []
    for path in folder.iterdir():
        if path.name.startswith(".") or path.suffix in (".md", ".sh", ".sha256"):
            continue
        named = _DATE.search(path.name)
        day = as_date(f"{named[1]}-{named[2]}-{named[3]}") if named else None
        if isinstance(day, date):
            found.append((datetime(day.year, day.month, day.day, tzinfo=UTC), path, 1))
        else:
            found.append((datetime.fromtimestamp(path.stat().st_mtime, UTC), path, 0))
    return max(found, key=lambda each: each[0]) if found else None


def _other_platform(deployment: Deployment) -> Iterator[Hit]:
    """Rollback by tools that Linux, where containers run, does not have."""
    platform = deployment.file.text("platform").lower()
    if "windows" in platform:
        return
    ways_back = [p for p in deployment.tree.files if re.search(r"roll[-_]?back|restore", p.stem, re.IGNORECASE)]
    usable = [path for path in ways_back if path.suffix in (".sh", ".py", "")]
    for path in ways_back:
        if path.suffix in _LINUX_ONLY and not usable:
            yield Hit(
                Place(deployment.tree.name(path)), f"{path.name} is the only way back, and runs on Windows alone."
            )
    for script in scripts(deployment):
        if script.source.path in usable:
            for line in script.lines:
                if _WINDOWS.search(line.text) and not re.match(r"\s*(?:echo|printf)\b", line.text):
                    yield Hit(script.source.at(line.number), f"{script.source.name} uses a tool of another platform.")
                    break
