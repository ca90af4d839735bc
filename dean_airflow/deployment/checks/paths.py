"""M08, M48, M49, M77: files and directories that something refers to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.compose_use import compose_commands, find_from_script
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import context_path, dockerfile_path, is_container_script, scripts
from dean_airflow.deployment.description.service import Mount
from dean_airflow.deployment.place import Place

_OF_THE_SYSTEM = (
    "/var/run/",
    "/run/",
    "/proc",
    "/sys",
    "/dev",
    "/lib/modules",
    "/var/lib/docker",
    "/var/log",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/os-release",
    "/etc/ssl/",
    "/etc/passwd",
    "/etc/group",
    "/tmp",
    "/usr/share/",
    "/cgroup",
)
_KEPT = re.compile(
    r"(?:^|[/_.-])(?:data|logs?|backups?|dumps?|uploads?|storage|state|cache|spool|artifacts?|media|output|results|db[-_]?data"
    r"|pg[-_]?data|\w+[-_]data|\w+[-_]logs?)(?:[/_.-]|$)",
    re.IGNORECASE,
)
_KEPT_TARGETS = ("/var/lib/", "/var/log", "/data", "/backup", "/logs", "/bitnami", "/var/backups", "/opt/airflow/logs")
_SOURCED = re.compile(r"(?:^|[;&|]\s*)\s*(?:source|\.)\s+(?:\"?\$\(dirname[^)]*\)/)?[\"']?([^\s\"';&|]+)")
_STARTED = re.compile(
    r"(?:^|[;&|(]\s*|\b(?:exec|then|do|sudo|time)\s+)(?:(?:bash|sh|python3?)\s+)?[\"']?((?:\./|\.\./|\$\{?\w*DIR\w*\}?/)?"
    r"[\w./-]+\.(?:sh|py))\b"
)
_SQL_FILE = re.compile(
    r"\bpsql\b.*?(?:\s-f|--file)[ =][\"']?([^\s\"';&|]+)|\b(?:psql|mysql|mariadb)\b.*?<\s*[\"']?([\w./-]+\.sql)"
)
_COPIED = re.compile(r"\bcp\s+(?:-\S+\s+)*[\"']?([\w./-]+)[\"']?\s+\S+")
_TESTED = re.compile(r"(?:\[\[?|test)\s+(?:!\s+)?-[efrsdx]\s+[\"']?([^\s\"'\]]+)")
_WRITTEN = re.compile(r"(?:>>?|\btee\s+(?:-a\s+)?)\s*[\"']?([\w./-]+)")
_DIRECTORY = re.compile(
    r"^\s*(?:export\s+|local\s+|readonly\s+)?(\w*(?:BACKUP|LOG|DATA|DUMP|OUTPUT)\w*(?:DIR|PATH|FOLDER))=[\"']?([^\"'\s;]+)"
)


@check(
    "M08",
    "error",
    "File missing",
    why="What refers to it fails when it is needed.",
    fix="Create it, from its template where there is one.",
)
def file_missing(deployment: Deployment) -> Iterator[Hit]:
    seen: set[tuple[Place, str]] = set()
    for hit, name in _missing_files(deployment):
        if (hit.place, name) not in seen:
            seen.add((hit.place, name))
            yield hit


def _missing_files(deployment: Deployment) -> Iterator[tuple[Hit, str]]:
    for problem in deployment.all_problems:
        if problem.check == "M08":
            yield Hit(problem.place, problem.what), problem.what
    for escape in deployment.tree.escapes:
        name = deployment.tree.name(escape)
        yield (
            Hit(Place(name), f"{name} is a symbolic link that leads out of the deployment, and is not followed."),
            name,
        )
    for closed in deployment.tree.closed:
        mounts = (mount for service in deployment.services.values() for mount in service.mounts)
        # what a service keeps its data in may well be another user's
        if not any(mount.path is not None and closed.is_relative_to(mount.path) for mount in mounts):
            name = deployment.tree.name(closed)
            yield Hit(Place(name), f"{name} is a directory that cannot be read, so nothing in it is checked."), name
    for section in ("configs", "secrets"):
        for name, node in deployment.compose.section(section).items():
            file = node.get("file")
            base = deployment.compose_files[0].parent if deployment.compose_files else deployment.root
            if file is not None and file.text and not deployment.tree.resolve(file.text, base).exists():
                yield Hit(file.place, f"{file.text}, the file of the {section[:-1]} {name}, is missing."), name
    yield from _declared_files(deployment)
    for command in compose_commands(deployment):
        for missing in command.missing:
            yield Hit(command.place, f"{missing}, which {command.source.name} gives to compose, is missing."), missing
    yield from _scripts_files(deployment)


def _declared_files(deployment: Deployment) -> Iterator[tuple[Hit, str]]:
    nodes = [node for name in ("init_scripts", "references") for node in deployment.file.entries(name)]
    health = deployment.file.get("health")
    nodes += [node for _, node in health.items()] if health is not None else []
    nodes += [n for part in ("dir", "sums") if (n := deployment.file.get("migrations", part)) is not None]
    airflow = deployment.file.get("airflow", "secrets_file")
    nodes += [airflow] if airflow is not None else []
    for node in nodes:
        if node.text and not deployment.tree.resolve(node.text).exists():
            yield Hit(node.place, f"{node.text} is missing."), node.text


def _scripts_files(deployment: Deployment) -> Iterator[tuple[Hit, str]]:
    for script in scripts(deployment):
        source = script.source
        if is_container_script(deployment, source.path):
            continue
        text = "\n".join(line.text for line in script.lines)
        excused = (
            set(_TESTED.findall(text))
            | set(_WRITTEN.findall(text))
            | set(re.findall(r"\bcp\s+\S+\s+[\"']?([\w./-]+)", text))
        )
        for line in script.logical_lines:
            if re.search(r"\b(?:echo|printf|docker\s+(?:exec|run|cp)|exec\s+-|ssh|kubectl|run\s+--rm)\b", line.text):
                continue
            found = [*_SOURCED.findall(line.text), *_STARTED.findall(line.text)]
            found += [one or two for one, two in _SQL_FILE.findall(line.text)]
            found += [
                name for name in _COPIED.findall(line.text) if name.endswith((".example", ".template", ".sample"))
            ]
            for name in found:
                if name in excused or name.startswith(("/", "~", "-")) or "$" in re.sub(r"^\$\{?\w+\}?/", "", name):
                    continue
                if "." not in name.rpartition("/")[2] or "venv" in name or name.endswith("activate"):
                    continue
                plain = re.sub(r"^\$\{?\w+\}?/", "", name)
                if find_from_script(deployment, source, name) is None and not _is_anywhere(deployment, plain):
                    yield Hit(source.at(line.number), f"{name}, which {source.name} refers to, is missing."), name


def _is_anywhere(deployment: Deployment, name: str) -> bool:
    """A script may have changed its directory: a file that lies somewhere under that name is not missing."""
    ending = "/" + name.removeprefix("./").lstrip("./")
    return any(path.as_posix().endswith(ending) for path in deployment.tree.files)


@check(
    "M48",
    "error",
    "Build context or Dockerfile missing",
    why="The image cannot be built.",
    fix="Correct the path.",
)
def build_missing(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        context, dockerfile = context_path(service), dockerfile_path(service)
        if context is None or dockerfile is None:
            continue
        build = service.get("build")
        at = service.get("build", "context") or build
        if at is None:
            continue
        if not context.is_dir():
            yield Hit(at.place, f"The build context of {service.name}, {deployment.tree.name(context)}, is missing.")
        elif service.get("build", "dockerfile_inline") is None and not dockerfile.is_file():
            named = service.get("build", "dockerfile") or at
            yield Hit(named.place, f"The Dockerfile of {service.name}, {deployment.tree.name(dockerfile)}, is missing.")


def is_kept(mount: Mount) -> bool:
    """Whether a writable mount is for data, logs or backups rather than for something that should be there."""
    if (
        mount.read_only
        or mount.path is None
        or mount.path.suffix in (".conf", ".yml", ".yaml", ".sql", ".sh", ".json", ".crt")
    ):
        return False
    if mount.target.rstrip("/").startswith("/docker-entrypoint-initdb.d"):
        return False
    return bool(_KEPT.search(mount.source.rstrip("/"))) or mount.target.startswith(_KEPT_TARGETS)


def _is_judged(mount: Mount) -> bool:
    if mount.path is None or mount.kind != "bind" or mount.source.startswith("~") or "$" in mount.source:
        return False
    return (
        not mount.source.startswith(_OF_THE_SYSTEM)
        and mount.source != "/"
        and re.match(r"[A-Za-z]:[\\/]", mount.source) is None
    )


@check(
    "M49",
    "error",
    "Bind-mount source missing",
    why="Docker puts an empty directory in its place, and the service starts without its files.",
    fix="Create the source or correct the path.",
)
def bind_source_missing(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for service in deployment.services.values():
        for mount in service.mounts:
            if not _is_judged(mount) or mount.path is None or is_kept(mount) or mount.place in seen or mount.create:
                continue
            if deployment.tree.is_escape(mount.path) or _exists(mount.path):
                continue  # a link that leads out is M08's
            seen.add(mount.place)
            yield Hit(mount.place, f"{mount.source}, which {service.name} mounts, is missing{_similar(mount.path)}.")


def _exists(path: Path) -> bool:
    """Also where a directory on the way is closed to us: then nothing says that it is missing."""
    try:
        return path.exists()
    except OSError:
        return True


def _similar(path: Path) -> str:
    """What lies there instead under a name that differs by case or a letter."""
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        return ""
    same = [name for name in names if name.lower() == path.name.lower()]
    close = same or get_close_matches(path.name, names, 1, 0.8)
    return f" (there is {close[0]})" if close else ""


@check(
    "M77",
    "error",
    "Directory missing or not writable",
    why="The service cannot keep its data, its logs or its backups.",
    fix="Create it (--fix does) and give it to the user that writes there.",
)
def directory_missing(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Path] = set()
    for path, place, who in directories(deployment):
        if path in seen:
            continue
        seen.add(path)
        name = deployment.tree.name(path)
        if not path.exists():
            yield Hit(place, f"The directory {name}, in which {who} writes, is missing.")
        elif path.is_dir() and not _is_writable(path):
            yield Hit(place, f"The directory {name}, in which {who} writes, is not writable.")


def directories(deployment: Deployment) -> Iterator[tuple[Path, Place, str]]:
    """Directories that are written to: declared ones, writable mounts, those of scripts."""
    declared = deployment.file.entries("directories")
    backups = deployment.file.get("backups", "dir")
    for node in [*declared, *([backups] if backups is not None else [])]:
        yield deployment.tree.resolve(node.text), node.place, "the deployment"
    for service in deployment.services.values():
        for mount in service.mounts:
            if mount.path is None or not _is_judged(mount) or mount.read_only or mount.create:
                continue
            if is_kept(mount) or (mount.path.is_dir() and not _is_writable(mount.path)):
                yield mount.path, mount.place, service.name
    for script in scripts(deployment):
        if is_container_script(deployment, script.source.path):
            continue
        text = "\n".join(line.text for line in script.lines)
        for line in script.lines:
            for name, shown in _written_directories(line.text):
                folder = re.sub(r"^(?:\$\{?\w+\}?/|\./)", "", name).rstrip("/")
                made = re.search(rf"mkdir\b[^\n]*(?:{re.escape(shown)}|{re.escape(folder)})", text) or re.search(
                    r"install\s+-d", text
                )
                if not folder or "$" in folder or name.startswith(("/", "~")) or made or folder in (".", ".."):
                    continue
                candidates = [deployment.root / folder, script.source.path.parent / folder]
                path = next((each for each in candidates if each.exists()), candidates[0])
                yield path, script.source.at(line.number), script.source.name


def _written_directories(text: str) -> Iterator[tuple[str, str]]:
    """Directories that a line of a script writes into, and what a mkdir would call them."""
    match = _DIRECTORY.match(text)
    if match:
        default = re.fullmatch(r"\$\{\w+:-([^}]+)\}", match[2])
        yield (default[1] if default else match[2]), f"${match[1]}"
        return
    for written in _WRITTEN.findall(text):
        folder = written.rpartition("/")[0]
        if folder and not written.startswith(("/", "&")):
            yield folder, folder


def _is_writable(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    if os.geteuid() != 0 and (status.st_uid == os.geteuid() or status.st_mode & 0o077):
        return os.access(path, os.W_OK)
    # root may write everywhere, and what one other user alone may enter is that user's: only the mode bits tell
    return bool(status.st_mode & 0o222)
