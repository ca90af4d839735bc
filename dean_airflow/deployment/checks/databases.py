"""M23 and M24: one database called by several names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import LOCAL
from dean_airflow.deployment.description.databases import (
    SQL_FAMILIES,
    Server,
    UrlUse,
    server_of,
    servers,
    url_uses,
)
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import remembered
from dean_airflow.deployment.description.secrets import scope_of
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.url import DEFAULT_PORTS, Url, find_urls
from dean_airflow.deployment.place import Place

_DATABASE_PARTS = ("NAME", "DB", "DATABASE", "DBNAME", "DB_NAME", "DATABASE_NAME")
_USER_PARTS = ("USER", "USERNAME", "DB_USER")
_PASSWORD_PARTS = ("PASSWORD", "PASS", "PASSWD")
_POSTGRES = DEFAULT_PORTS["postgresql"]
_URL_NAMES = frozenset({"DATABASE_URL", "DB_URL", "POSTGRES_URL", "POSTGRESQL_URL", "SQLALCHEMY_DATABASE_URI"})
_SPECIAL = re.compile(r"[@:/#?]|%(?![0-9A-Fa-f]{2})")
_OPTION = r"(?:^|[\s\"'])(?:{short}[= ]?|{long}[= ])[\"']?([\w.$-]+)(?![\w.$-]|://|=)"
_USER_OPTION = re.compile(_OPTION.format(short="-U", long="--username"))
_DATABASE_OPTION = re.compile(_OPTION.format(short="-d", long="--dbname"))
_MYSQL_USER = re.compile(_OPTION.format(short="-u", long="--user"))


def _mismatches(deployment: Deployment) -> list[tuple[str, Hit]]:
    return remembered(deployment, "name mismatches", lambda: list(_once(_all(deployment))))


def _once(found: Iterator[tuple[str, Hit]]) -> Iterator[tuple[str, Hit]]:
    """One defect a place: a URL is judged by its first contradiction."""
    seen: set[Place] = set()
    for check_id, hit in found:
        if hit.place not in seen:
            seen.add(hit.place)
            yield check_id, hit


def _all(deployment: Deployment) -> Iterator[tuple[str, Hit]]:
    for use in url_uses(deployment):
        if use.url.family in SQL_FAMILIES or not use.url.scheme:
            server = server_of(deployment, use)
            if server is not None and server.engine == SQL_FAMILIES.get(use.url.family, server.engine):
                yield from _url_against_server(deployment, use, server)
            elif server is None:
                yield from _url_against_scope(deployment, use)
    for service in deployment.services.values():
        yield from _parts_against_server(deployment, service)
    for server in servers(deployment):
        yield from _health_check(server)
    yield from _env_file_against_server(deployment)


def _url_against_server(deployment: Deployment, use: UrlUse, server: Server) -> Iterator[tuple[str, Hit]]:
    scope = _scope(deployment, use)
    declared = (server.place_of_database,)
    database, user, url = use.url.database, use.url.user, use.url
    known = not server.unknown_names and bool(server.databases)
    always = {"postgres"} - {server.user}
    if known and database and "$" not in database and database not in server.databases | always:
        same_scope = any(name.startswith("POSTGRES_") for name in scope)
        why = "which is its user's name" if database == server.user else "which nobody creates there"
        yield (
            "M24" if same_scope else "M23",
            Hit(use.place, f"{use.name} names the database {database}, {why}.", also=declared),
        )
    if user and "$" not in user and user not in server.roles and not server.unknown_names:
        yield (
            "M24",
            Hit(use.place, f"{use.name} logs in as {user}, which {server.service.name} does not know.", also=declared),
        )
    if server.password is None or user != server.user or not url.raw_password or "$" in url.raw_password:
        return
    if url.password != server.password.value and not _SPECIAL.search(url.raw_password):
        what = f"{use.name} has another password than {server.password.name} of {server.service.name}."
        yield "M24", Hit(use.place, what, also=(server.password.source.place,))


def _scope(deployment: Deployment, use: UrlUse) -> Mapping[str, Variable]:
    """The variables beside a URL: those of its env file, or of the service that sets it."""
    if use.in_env_file:
        return scope_of(deployment, use.variable)
    for service in use.readers:
        if service.own_environment.get(use.name) is not None:
            return service.environment
    return {}


def _url_against_scope(deployment: Deployment, use: UrlUse) -> Iterator[tuple[str, Hit]]:
    """A URL whose host is no service of ours, against the POSTGRES_* beside it that name the same host."""
    if use.name not in _URL_NAMES or SQL_FAMILIES.get(use.url.family) != "postgres":
        return
    scope, url = _scope(deployment, use), use.url
    host = scope.get("POSTGRES_HOST")
    if host is None or not url.host or "$" in url.text:
        return
    if host.value != url.host:
        both = deployment.service_called(host.value) is not None
        if not (both and url.host in LOCAL) and host.value not in LOCAL:
            what = f"{use.name} names the host {url.host}, POSTGRES_HOST another."
            yield "M24", Hit(use.place, what, also=(host.source.place,))
        return
    parts = {"USER": url.user, "PASSWORD": url.password, "DB": url.database, "PORT": str(url.port or "")}
    for part, value in parts.items():
        known = scope.get(f"POSTGRES_{part}")
        if known is not None and known.value and value and known.value != value:
            if part == "PASSWORD" and _SPECIAL.search(url.raw_password):
                continue
            yield "M24", Hit(use.place, f"{use.name} and POSTGRES_{part} disagree.", also=(known.source.place,))


def _parts_against_server(deployment: Deployment, service: Service) -> Iterator[tuple[str, Hit]]:
    """`X_HOST` with `X_NAME`, `X_USER`, `X_PASSWORD` in one environment."""
    if any(server.service is service for server in servers(deployment)):
        return
    environment = service.environment
    prefixes: dict[str, Server] = {}
    for name, variable in environment.items():
        match = re.fullmatch(r"(.*?)(?:HOST|HOSTNAME|SERVER)", name)
        host = variable.value.rpartition("://")[2].split(":")[0]
        target = deployment.service_called(host) if match and host else None
        server = next((each for each in servers(deployment) if each.service is target), None) if target else None
        if match and server is not None:
            prefixes[match[1]] = server
    only = [each for each in servers(deployment) if each.engine == "postgres"]
    if "POSTGRES_" not in prefixes and "POSTGRES_HOST" not in environment and len(only) == 1:
        prefixes["POSTGRES_"] = only[0]
    for prefix, server in prefixes.items():
        yield from _parts(environment, prefix, server)


def _parts(environment: Mapping[str, Variable], prefix: str, server: Server) -> Iterator[tuple[str, Hit]]:
    declared = (server.place_of_database,)
    if server.unknown_names:
        return
    there = server.databases | {"postgres"}
    for ending in _DATABASE_PARTS:
        known = environment.get(prefix + ending)
        if known is not None and known.value and server.databases and known.value not in there:
            if known.source.place in declared:
                continue
            what = f"{known.name} is {known.value}; {server.service.name} has no database of that name."
            yield _name_or_part(environment, prefix, server), Hit(known.source.place, what, also=declared)
    user = next((environment[prefix + e] for e in _USER_PARTS if prefix + e in environment), None)
    if user is not None and user.value and user.value not in server.roles:
        what = f"{user.name} is no user of {server.service.name}."
        yield _name_or_part(environment, prefix, server), Hit(user.source.place, what, also=declared)
    yield from _port(environment, prefix, server)
    password = next((environment[prefix + e] for e in _PASSWORD_PARTS if prefix + e in environment), None)
    same_user = user is None or user.value == server.user
    if password is None or not password.value or server.password is None or not same_user:
        return
    if password.value != server.password.value:
        what = f"{password.name} is another password than {server.password.name} of {server.service.name}."
        yield "M24", Hit(password.source.place, what, also=(server.password.source.place,))


def _urls_beside(environment: Mapping[str, Variable], server: Server) -> list[tuple[Variable, Url]]:
    """The URLs of an environment that name the server."""
    return [
        (environment[name], url)
        for name in _URL_NAMES & set(environment)
        for url in find_urls(environment[name].value)
        if url.host in server.service.names
    ]


def _name_or_part(environment: Mapping[str, Variable], prefix: str, server: Server) -> str:
    """M24 where the variable contradicts a URL beside it, M23 where it contradicts the server alone."""
    return "M24" if prefix == "POSTGRES_" and _urls_beside(environment, server) else "M23"


def _port(environment: Mapping[str, Variable], prefix: str, server: Server) -> Iterator[tuple[str, Hit]]:
    """`POSTGRES_PORT` against a URL beside it that is right: where the URL is wrong, M38 says so."""
    port = environment.get(f"{prefix}PORT")
    if prefix != "POSTGRES_" or port is None or not port.value.isdigit() or int(port.value) == _POSTGRES:
        return
    for variable, url in _urls_beside(environment, server):
        if url.effective_port == _POSTGRES:
            what = f"{port.name} is {port.value}, {variable.name} names port {_POSTGRES}."
            yield "M24", Hit(port.source.place, what, also=(variable.source.place,))


def _health_check(server: Server) -> Iterator[tuple[str, Hit]]:
    test = server.service.health_test
    if test is None or server.unknown_names:
        return
    entry = next((e for e in test.entries() if len(e.text) > 3 and e.text != "CMD-SHELL"), test)
    text = server.service.expand(" ".join(test.words()))
    if "pg_isready" not in text and "psql" not in text and "mysql" not in text and "mariadb" not in text:
        return
    place = entry.place if len(test.words()) <= 2 else test.place
    declared = (server.place_of_database,)
    users = _USER_OPTION.findall(text) if server.engine == "postgres" else _MYSQL_USER.findall(text)
    databases = _DATABASE_OPTION.findall(text) if server.engine == "postgres" else []
    for url in find_urls(text):
        users += [url.user] if url.user else []
        databases += [url.database] if url.database and server.engine == "postgres" else []
    for database in databases:
        if "$" not in database and database not in server.databases | {"postgres", "template1"} - {server.user}:
            what = f"The health check of {server.service.name} asks for the database {database}."
            yield "M23", Hit(_word_place(server, database) or place, what, also=declared)
    for user in users:
        if "$" not in user and user not in server.roles:
            what = f"The health check of {server.service.name} logs in as {user}."
            yield "M23", Hit(_word_place(server, user) or place, what, also=declared)


def _word_place(server: Server, word: str) -> Place | None:
    test = server.service.health_test
    entries = list(test.entries()) if test is not None else []
    return next((entry.place for entry in entries if word in entry.text), None)


def _env_file_against_server(deployment: Deployment) -> Iterator[tuple[str, Hit]]:
    """`POSTGRES_DB` of `.env` against what the only database of the deployment is given in compose itself."""
    only = [each for each in servers(deployment) if each.engine == "postgres"]
    if len(only) != 1 or deployment.dotenv is None:
        return
    server = only[0]
    for name in ("POSTGRES_DB", "POSTGRES_USER"):
        known, own = deployment.variables.get(name), server.service.own_environment.get(name)
        if known is None or own is None or not known.value or known.value == own.value or own.uses:
            continue
        if known.value in server.databases | server.roles:
            continue
        yield "M23", Hit(own.place, f"{name} is {own.value} here and {known.value} in .env.", also=(known.place,))


@check(
    "M23", "error", "Several names for one database",
    why="The service connects to a database that does not exist, or to an empty one.",
    fix="Use one name everywhere.",
)  # fmt: skip
def database_names(deployment: Deployment) -> Iterator[Hit]:
    yield from (hit for check_id, hit in _mismatches(deployment) if check_id == "M23")


@check(
    "M24", "error", "DATABASE_URL and POSTGRES_* disagree",
    why="Whoever reads the one connects to something else than who reads the other.",
    fix="Derive one from the other.",
)  # fmt: skip
def url_and_parts(deployment: Deployment) -> Iterator[Hit]:
    yield from (hit for check_id, hit in _mismatches(deployment) if check_id == "M24")
