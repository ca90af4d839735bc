"""M27 to M29: what a database runs when it is new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.databases import INIT_TARGET, Server, servers
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import base_image, context_path, dockerfile_of
from dean_airflow.deployment.description.postgres_images import has_extension
from dean_airflow.deployment.description.service import Mount, Service, expand
from dean_airflow.deployment.description.sql import Statement, line_in, statements
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

_INIT_NAMES = re.compile(
    r"^(?:init(?:[-_.]?(?:db|sql|scripts?|d))?|initdb(?:\.d)?|docker-entrypoint-initdb\.d|db[-_]?init|(?:postgres|pg|mysql|mariadb)"
    r"[-_]?init|init[-_](?:postgres|pg|mysql|mariadb|database))$",
    re.IGNORECASE,
)
_IDENTIFIER = r"(\"[^\"]+\"|`[^`]+`|'[^']+'(?:@'[^']*')?|[\w$.{}%@:-]+)"
_ROLES = (
    re.compile(rf"\bOWNER\s+(?:TO\s+|=?\s*){_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"\bGRANT\b.*?\bTO\s+(?:GROUP\s+|ROLE\s+)?{_IDENTIFIER}", re.IGNORECASE | re.DOTALL),
    re.compile(rf"\bREVOKE\b.*?\bFROM\s+(?:GROUP\s+|ROLE\s+)?{_IDENTIFIER}", re.IGNORECASE | re.DOTALL),
    re.compile(rf"\bAUTHORIZATION\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*ALTER\s+(?:USER|ROLE)\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*ALTER\s+DEFAULT\s+PRIVILEGES\s+FOR\s+(?:USER|ROLE)\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*SET\s+(?:SESSION\s+)?ROLE\s+{_IDENTIFIER}", re.IGNORECASE),
)
_DATABASES = (
    re.compile(rf"\bON\s+DATABASE\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*ALTER\s+DATABASE\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*\\c(?:onnect)?\s+{_IDENTIFIER}", re.IGNORECASE),
    re.compile(rf"^\s*USE\s+{_IDENTIFIER}", re.IGNORECASE),
)
_ALWAYS_ROLES = frozenset({"public", "current_user", "session_user", "current_role", "none", "root", "all"})
_ALWAYS_DATABASES = {
    "postgres": frozenset({"postgres", "template0", "template1"}),
    "mysql": frozenset({"mysql", "sys", "information_schema", "performance_schema"}),
}
_ALMOST_INIT = "/docker-entrypoint"
_DATA_TARGETS = ("/var/lib/postgresql", "/var/lib/mysql", "/bitnami")


@check(
    "M27", "error", "Init scripts not mounted, or for another role or database",
    why="The tables or roles that the services need are never created, or the database does not start.",
    fix=f"Mount them at {INIT_TARGET}, and name the configured user and database.",
)  # fmt: skip
def init_scripts_wrong(deployment: Deployment) -> Iterator[Hit]:
    for server in servers(deployment):
        yield from _wrong_target(deployment, server)
        for source in server.scripts:
            yield from _wrong_names(server, source)
    yield from _not_mounted(deployment)


def _wrong_target(deployment: Deployment, server: Server) -> Iterator[Hit]:
    for mount in server.service.mounts:
        if mount.path is None or not mount.path.exists() or mount.target in server.service.command_text:
            continue
        meant = mount.target.startswith(_ALMOST_INIT) and _never_run(mount)
        if meant or (_has_sql(deployment, mount.path) and not _is_init_target(mount)):
            what = f"{mount.source} is at {mount.target}, where {server.service.name} does not run what it holds."
            yield Hit(mount.place, what)


def _never_run(mount: Mount) -> bool:
    """At no init directory, or in a directory of it: the images run the files of that one directory alone."""
    below = mount.target.rstrip("/").removeprefix(INIT_TARGET).strip("/")
    if not _is_init_target(mount):
        return True
    return bool(below) and mount.path is not None and (mount.path.is_dir() or "/" in below)


def _is_init_target(mount: Mount) -> bool:
    return (mount.target.rstrip("/") + "/").startswith(INIT_TARGET + "/")


def _has_sql(deployment: Deployment, path: Path) -> bool:
    """A directory with SQL files, or one SQL file; a backup's directory is neither."""
    if path.suffix == ".sql":
        return deployment.tree.source(path) is not None
    if re.search(r"back-?up|dump|data", path.name, re.IGNORECASE):
        return False
    return any(source.path.suffix == ".sql" and source.path.parent == path for source in deployment.tree.sources)


def _not_mounted(deployment: Deployment) -> Iterator[Hit]:
    every = servers(deployment)
    if not every:
        return
    declared = deployment.file.entries("init_scripts")
    for node in declared:
        path = deployment.tree.resolve(node.text)
        if path.exists() and not _reaches(deployment, path):
            yield Hit(node.place, f"{node.text} is declared as an init script, and no database mounts it.")
    if deployment.file.has("init_scripts"):
        return
    folders: dict[Path, Source] = {}
    for source in deployment.tree.sources:
        if source.path.suffix != ".sql":
            continue
        folder = source.path.parent
        named = folder != deployment.root and _INIT_NAMES.match(folder.name)
        if named or (_INIT_NAMES.match(source.path.stem) and folder == deployment.root):
            folders.setdefault(folder if named else source.path, source)
    for path, source in folders.items():
        if not _reaches(deployment, path) and not any(_mounts(server.service, path) for server in every):
            server = every[0]
            what = f"{deployment.tree.name(path)} looks like init scripts, and no database mounts it."
            yield Hit(server.service.place, what, also=(Place(source.name), server.service.at("volumes")))


def _mounts(service: Service, path: Path) -> bool:
    return any(
        m.path is not None and (path.is_relative_to(m.path) or m.path.is_relative_to(path)) for m in service.mounts
    )


def _reaches(deployment: Deployment, path: Path) -> bool:
    """Whether some service mounts or copies it, or something else of the deployment runs it by name."""
    for service in deployment.services.values():
        if _mounts(service, path) and all(
            _is_init_target(mount) or service.name not in {s.service.name for s in servers(deployment)}
            for mount in service.mounts
            if mount.path is not None and (path.is_relative_to(mount.path) or mount.path.is_relative_to(path))
        ):
            return True
        dockerfile, context = dockerfile_of(deployment, service), context_path(service)
        if dockerfile is not None and context is not None and path.is_relative_to(context):
            relative = path.relative_to(context).as_posix()
            if re.search(rf"(?m)^.*{re.escape(relative.split('/')[0])}|^\.\s", dockerfile.installs):
                return True
    for node in deployment.compose.section("configs").values():
        file = node.get("file")
        if file is not None and deployment.tree.resolve(file.text).is_relative_to(path):
            return True
    mention = re.escape(path.name)
    return any(
        re.search(rf"(?<![\w-]){mention}(?![\w-])", source.text)
        for source in deployment.tree.sources
        if source.path.suffix in (".sh", ".py", ".ps1") or source.path.name == "Makefile"
    )


def _wrong_names(server: Server, source: Source) -> Iterator[Hit]:
    if server.unknown_names:
        return
    engine, environment = server.engine, server.service.environment
    databases = server.databases | _ALWAYS_DATABASES[engine]
    roles = {role.lower() for role in server.roles} | _ALWAYS_ROLES
    for statement in statements(source):
        if re.match(
            r"\s*(?:INSERT|SELECT|UPDATE|COMMENT|CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION|DO)\b", statement.text, re.I
        ):
            continue
        plain = _without_texts(statement) if engine == "postgres" else statement.text
        for pattern in _DATABASES:
            for match in pattern.finditer(plain):
                name = _clean(expand(match[1], environment))
                if (
                    name
                    and name not in databases
                    and name not in ("-", "")
                    and not (engine == "postgres" and pattern is _DATABASES[3])
                ):
                    what = f"{source.name} names the database {name}, which {server.service.name} does not have."
                    yield Hit(source.at(line_in(statement, match.start(1))), what, also=(server.place_of_database,))
        for pattern in _ROLES:
            named = pattern.search(plain)
            if named is None:
                continue
            for raw in _listed(plain, named):
                name = _clean(expand(raw, environment))
                if name and name.lower() not in roles and not name.startswith("pg_"):
                    what = f"{source.name} names the role {name}, which {server.service.name} does not have."
                    yield Hit(source.at(line_in(statement, named.start(1))), what, also=(server.place_of_database,))


def _listed(text: str, match: re.Match[str]) -> list[str]:
    """`TO a, b WITH GRANT OPTION` names two."""
    rest = re.match(rf"(?:\s*,\s*{_IDENTIFIER})+", text[match.end(1) :])
    return [match[1], *re.findall(_IDENTIFIER, rest.group())] if rest else [match[1]]


def _without_texts(statement: Statement) -> str:
    return re.sub(
        r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", lambda m: "\n" * m[0].count("\n"), statement.text, flags=re.DOTALL
    )


def _clean(raw: str) -> str:
    """A name without quotes and MySQL's host; empty for what a variable of psql or the shell decides."""
    name = raw.split("@'")[0].split('@"')[0].split("@`")[0].strip("\"'`").rstrip(";,)")
    if "@" in name and not raw.startswith('"'):
        name = name.split("@")[0].strip("'`")
    return "" if re.search(r"[$:{}%]", name) else name


@check(
    "M28", "warning", "Init scripts with a volume that exists",
    why="A database with data does not run them again.",
    fix="Write a migration, or recreate the volume knowingly.",
)  # fmt: skip
def init_scripts_and_old_volume(deployment: Deployment) -> Iterator[Hit]:
    volumes = deployment.compose.section("volumes")
    for server in servers(deployment):
        mounts = [mount for mount in server.service.mounts if _is_init_target(mount)]
        if not mounts:
            continue
        for mount in server.service.mounts:
            external = volumes[mount.source].get("external") if mount.source in volumes else None
            if (
                mount.kind == "volume"
                and mount.target.startswith(_DATA_TARGETS)
                and external is not None
                and external.text != "false"
            ):
                what = (
                    f"The volume {mount.source} exists already, so {server.service.name} does not run its init scripts."
                )
                yield Hit(mounts[0].place, what, also=(mount.place, volumes[mount.source].named, external.place))


@check(
    "M29", "error", "Extension missing from the image",
    why="CREATE EXTENSION fails, and the init script stops there.",
    fix="Choose an image that has the extension, or drop it.",
)  # fmt: skip
def extension_missing(deployment: Deployment) -> Iterator[Hit]:
    every = [server for server in servers(deployment) if server.engine == "postgres"]
    for server in every:
        image = base_image(deployment, server.service)
        dockerfile = dockerfile_of(deployment, server.service)
        sources = {source.name: source for source in server.scripts}
        if len(every) == 1:
            sources.update({s.name: s for s in deployment.tree.sources if s.path.suffix == ".sql"})
        for source in sources.values():
            for statement in statements(source):
                match = re.match(
                    r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?([\w-]+)", statement.text, re.IGNORECASE
                )
                if match is None or has_extension(image, match[1].lower()) is not False:
                    continue
                if dockerfile is not None and _is_added(match[1], dockerfile.installs):
                    continue
                what = f"{source.name} needs the extension {match[1]}, which {image} does not have."
                yield Hit(source.at(statement.line), what, also=(server.service.at("image"),))


def _is_added(extension: str, installs: str) -> bool:
    words = {"vector": "pgvector", "plperl": "perl", "plpython3u": "plpython|python", "timescaledb": "timescale"}
    word = words.get(extension.lower(), re.escape(extension.lower()).replace("_", "[-_]?"))
    return re.search(word, installs.lower()) is not None or "make install" in installs
