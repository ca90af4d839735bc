"""The database and cache servers of a deployment: what they declare, what their init scripts make, who logs in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.addresses import LOCAL
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import (
    context_path,
    dockerfile_of,
    each_variable,
    kind,
    of_kind,
    remembered,
)
from dean_airflow.deployment.description.script import is_shell, parse_script
from dean_airflow.deployment.description.service import Service, expand
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.url import Url, find_urls, keyword_dsn
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

INIT_TARGET = "/docker-entrypoint-initdb.d"
SQL_FAMILIES = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mysql2": "mysql",
}
_NAME = r"[\"'`]?([\w$.{}-]+)[\"'`]?"
_CREATE_DATABASE = re.compile(rf"\bCREATE\s+DATABASE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
_CREATE_ROLE = re.compile(rf"\bCREATE\s+(?:USER|ROLE|GROUP)\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
_CREATED_BY_COMMAND = re.compile(
    r"\b(createdb|createuser)\b((?:\s+-\S+(?:\s+\S+)?)*?)\s+[\"']?([\w$.{}-]+)[\"']?\s*(?:;|&|\||$)", re.M
)
_NAMING = ("POSTGRES_DB", "POSTGRES_USER", "MYSQL_DATABASE", "MARIADB_DATABASE", "MYSQL_USER", "MARIADB_USER")
_LIST_VARIABLE = re.compile(r"(?:DATABASES|DBS|DB_LIST|DATABASE_LIST|DB_NAMES)$")


@dataclass
class Server:
    """A database server. `user`, `password`, `database` are None where the image's defaults hold."""

    service: Service
    engine: str
    user: str
    database: str
    password: Variable | None
    roles: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    scripts: list[Source] = field(default_factory=list)
    unknown_names: bool = False

    @property
    def place_of_database(self) -> Place:
        for name in ("POSTGRES_DB", "POSTGRESQL_DATABASE", "MYSQL_DATABASE", "MARIADB_DATABASE", "POSTGRES_USER"):
            if name in self.service.environment:
                return self.service.environment[name].source.place
        return self.service.place


def servers(deployment: Deployment) -> list[Server]:
    """Every PostgreSQL, MySQL and MariaDB service."""
    return remembered(
        deployment, "servers", lambda: [_server(deployment, each) for each in of_kind(deployment, "postgres", "mysql")]
    )


def _first(service: Service, *names: str) -> Variable | None:
    return next(
        (service.environment[n] for n in names if n in service.environment and service.environment[n].value), None
    )


def _server(deployment: Deployment, service: Service) -> Server:
    engine = kind(deployment, service)
    if engine == "postgres":
        user = _first(service, "POSTGRES_USER", "POSTGRESQL_USERNAME")
        database = _first(service, "POSTGRES_DB", "POSTGRESQL_DATABASE")
        password = _first(service, "POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")
        user_name = user.value if user else "postgres"
        server = Server(service, engine, user_name, database.value if database else user_name, password)
    else:
        user = _first(service, "MYSQL_USER", "MARIADB_USER")
        database = _first(service, "MYSQL_DATABASE", "MARIADB_DATABASE")
        password = _first(service, "MYSQL_PASSWORD", "MARIADB_PASSWORD")
        server = Server(service, engine, user.value if user else "root", database.value if database else "", password)
        server.roles.add("root")
    server.roles.add(server.user)
    server.databases.update(part.strip() for part in server.database.split(",") if part.strip())
    server.scripts = init_scripts(deployment, service)
    for name in service.environment:
        if name.endswith("_FILE") and name.removesuffix("_FILE") in ("POSTGRES_DB", "POSTGRES_USER", "MYSQL_DATABASE"):
            server.unknown_names = True
    if any(name in service.environment and not service.environment[name].value for name in _NAMING):
        server.unknown_names = True  # M11's
    if any(use.required and not use.path.exists() for use in service.env_files):
        server.unknown_names = True
    if any(use.outcome == "unset" for variable in service.own_environment.values() for use in variable.uses):
        server.unknown_names = True
    for source in server.scripts:
        _read_created(server, source)
    return server


def _read_created(server: Server, source: Source) -> None:
    environment = server.service.environment
    text = source.text
    lists = [v for n, v in environment.items() if _LIST_VARIABLE.search(n) and n in text]
    for variable in lists:
        names = [name for name in re.split(r"[,;\s]+", variable.value) if name]
        server.databases.update(part.split(":")[0] for part in names)
        server.roles.update(part.split(":")[-1] for part in names)
        server.roles.update(part.split(":")[0] for part in names)
    commands = [(m[1], m[3]) for m in _CREATED_BY_COMMAND.finditer(text)]
    named = [("createdb", m[1]) for m in _CREATE_DATABASE.finditer(text)]
    named += [("createuser", m[1]) for m in _CREATE_ROLE.finditer(text)]
    local = _assigned(source, environment)
    for what, raw in [*commands, *named]:
        name = expand(expand(raw, local), environment).strip("\"'`;")
        if "$" in name:
            if not lists:
                server.unknown_names = True
            continue
        (server.databases if what == "createdb" else server.roles).add(name)


def _assigned(source: Source, environment: dict[str, Variable]) -> dict[str, Variable]:
    """Variables that a shell script gives itself."""
    found: dict[str, Variable] = {}
    if not is_shell(source):
        return found
    for line in parse_script(source).lines:
        match = re.match(r"\s*(?:local\s+|export\s+)?(\w+)=[\"']?([^\"'\s;]*)", line.text)
        if match:
            value = re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", match[2]) if f"{{{match[1]}" not in match[2] else ""
            found[match[1]] = Variable(match[1], expand(value, environment), source.at(line.number))
    return {name: variable for name, variable in found.items() if variable.value and "$" not in variable.value}


def init_scripts(deployment: Deployment, service: Service) -> list[Source]:
    """The scripts that a database runs when its volume is empty: mounted, copied, or given as configs."""
    found: dict[str, Source] = {}

    def add(path: Path) -> None:
        for source in deployment.tree.sources if path.is_dir() else [deployment.tree.source(path)]:
            if source is not None and (source.path == path or source.path.parent == path) and _is_init(source):
                found[source.name] = source

    for mount in service.mounts:
        if mount.path is not None and (mount.target.rstrip("/") + "/").startswith(INIT_TARGET + "/"):
            add(mount.path)
    dockerfile, context = dockerfile_of(deployment, service), context_path(service)
    if dockerfile is None or context is None:
        context, copied = deployment.root, []
    else:
        copied = dockerfile.all_of("COPY") + dockerfile.all_of("ADD")
    for instruction in copied:
        words = [
            word for word in instruction.rest.replace('"', " ").replace(",", " ").split() if not word.startswith("--")
        ]
        if len(words) >= 2 and words[-1].startswith(INIT_TARGET):
            for word in words[:-1]:
                for path in sorted(context.glob(word)) if "*" in word else [context / word]:
                    add(path)
    configs = service.get("configs")
    for entry in configs.entries() if configs is not None else ():
        target, name = entry.get("target"), entry.get("source")
        if target is not None and name is not None and target.text.startswith(INIT_TARGET):
            file = (deployment.compose.section("configs").get(name.text) or entry).get("file")
            if file is not None:
                add(deployment.tree.resolve(file.text))
    return list(found.values())


def _is_init(source: Source) -> bool:
    return source.path.suffix in (".sql", ".sh") or is_shell(source)


@dataclass(frozen=True)
class UrlUse:
    """A URL in a variable or a command. `variable` is where it really stands; `readers` the services that get it."""

    url: Url
    variable: Variable
    readers: tuple[Service, ...]
    in_env_file: bool

    @property
    def place(self) -> Place:
        return self.variable.place

    @property
    def name(self) -> str:
        return self.variable.name


def url_uses(deployment: Deployment) -> list[UrlUse]:
    """Every URL of every variable, command and health check, each once, with who reads it."""
    return remembered(deployment, "urls", lambda: list(_url_uses(deployment)))


def _url_uses(deployment: Deployment) -> Iterator[UrlUse]:
    readers: dict[tuple[Place, str], list[Service]] = {}
    for service in deployment.services.values():
        for variable in service.environment.values():
            readers.setdefault((variable.source.place, variable.source.name), []).append(service)
    seen: set[tuple[Place, str]] = set()
    for variable, owner in each_variable(deployment):
        source = variable.source
        key = (source.place, source.name)
        if key in seen:
            continue
        seen.add(key)
        keywords = keyword_dsn(source.value)
        for url in [keywords] if keywords is not None else find_urls(source.value):
            yield UrlUse(url, source, tuple(readers.get(key, ())), owner is None)
    for service in deployment.services.values():
        for part in ("command", "entrypoint"):
            node = service.get(part)
            for entry in node.entries() if node is not None else []:
                text = service.expand(entry.text)
                variable = Variable(
                    part, text, entry.place, entry.raw or text, entry.uses if text == entry.text else ()
                )
                for url in find_urls(text):
                    yield UrlUse(url, variable, (service,), False)


def server_of(deployment: Deployment, use: UrlUse) -> Server | None:
    """The server that a URL names, by its host; `localhost` outside containers means who publishes the port."""
    host = use.url.host
    service = deployment.service_called(host)
    if service is None and host in LOCAL and not use.readers:
        port = use.url.effective_port
        for each in servers(deployment):
            if any(port in published.published_numbers for published in each.service.ports):
                return each
    return next((each for each in servers(deployment) if each.service is service), None) if service else None
