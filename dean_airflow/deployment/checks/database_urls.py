"""M25, M26, M32, M34, M35: URLs of databases and caches, and what is passed beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.caches import Cache, caches, passes_password
from dean_airflow.deployment.description.databases import SQL_FAMILIES, UrlUse, servers, url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import kind
from dean_airflow.deployment.description.needs import needed_variables
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.place import Place

_UNENCODED = re.compile(r"[@:/#?\[\]\s]|%(?![0-9A-Fa-f]{2})")
_FAMILIES = {
    **SQL_FAMILIES,
    "redis": "redis",
    "rediss": "redis",
    "valkey": "redis",
    "mongodb": "mongo",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "pyamqp": "rabbitmq",
    "http": "web",
    "https": "web",
    "ws": "web",
    "wss": "web",
    "mssql": "mssql",
    "oracle": "oracle",
    "clickhouse": "clickhouse",
    "memcached": "memcached",
}
_DRIVERS = {
    "postgres": {"psycopg", "psycopg2", "asyncpg", "pg8000", "psycopg2cffi", "pgsql", "psycopg_async", "aiopg"},
    "mysql": {"pymysql", "mysqldb", "aiomysql", "asyncmy", "mysqlconnector", "mariadbconnector", "cymysql", "pyodbc"},
}
_ALL_DRIVERS = _DRIVERS["postgres"] | _DRIVERS["mysql"]
_JUDGED_KINDS = frozenset({"postgres", "mysql", "redis", "mongo", "rabbitmq"})


@check(
    "M25",
    "error",
    "Password not percent-encoded",
    why="The URL is cut in the middle of the password: another host, another port, a refused login.",
    fix="Percent-encode the password in the URL: @ is %40, : is %3A, / is %2F, # is %23, % is %25.",
)
def password_not_encoded(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for use in url_uses(deployment):
        for place, name in _unencoded(use):
            if place not in seen:
                seen.add(place)
                yield Hit(place, f"The password in {name} holds a character that must be percent-encoded in a URL.")


def _unencoded(use: UrlUse) -> Iterator[tuple[Place, str]]:
    if use.url.raw_password and "$" not in use.url.raw_password and _UNENCODED.search(use.url.raw_password):
        yield use.place, use.name
        return
    for filled in use.variable.uses:
        before = use.variable.value[: filled.start]
        if filled.variable is None or not re.search(r"://[^/@\s]*:$", before):
            continue
        after = use.variable.value[filled.end : filled.end + 1]
        if after == "@" and _UNENCODED.search(filled.variable.value):
            yield use.place, use.name


@check(
    "M26",
    "error",
    "Only the URL is passed, and the parts are needed",
    why="The program in the container stops at the first part it looks for.",
    fix="Pass the parts, too.",
)
def parts_missing(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        needed = needed_variables(deployment, service)
        if not needed:
            continue
        for variable in service.environment.values():
            prefixes = _part_prefixes(variable)
            missing = sorted(
                name for name in needed if name not in service.environment and name.startswith(prefixes) and prefixes
            )
            if missing:
                what = f"{service.name} gets {variable.name}, but its code needs {', '.join(missing)}."
                yield Hit(variable.place, what, also=(variable.source.place,))
                break


def _part_prefixes(variable: Variable) -> tuple[str, ...]:
    """What names of parts begin with, for a variable that holds the URL of a database or cache."""
    family = re.match(r"(?:jdbc:|db\+)?([a-z]+)", variable.value)
    what = _FAMILIES.get(family[1]) if family and "://" in variable.value else None
    if what in ("postgres", "mysql"):
        return ("POSTGRES_", "DB_", "PG", "MYSQL_", "DATABASE_", "MARIADB_", "SQL_")
    return ("REDIS_", "CACHE_") if what == "redis" else ()


@check(
    "M32",
    "error",
    "Redis password missing",
    why="Redis refuses every command; a health check without it says nothing.",
    fix="Add the password: redis://:password@host, redis-cli -a or REDISCLI_AUTH.",
)
def redis_password_missing(deployment: Deployment) -> Iterator[Hit]:
    for cache in caches(deployment):
        if not cache.password and not cache.has_password:
            continue
        yield from _urls_without(deployment, cache)
        test = cache.service.health_test
        if test is None:
            continue
        text = " ".join(test.words())
        if re.search(r"(?:redis|valkey|keydb)-cli", text) and not passes_password(text, cache.service):
            entries = list(test.entries())
            entry = next((e for e in entries if "-cli" in e.text), test)
            yield Hit(entry.place, f"The health check of {cache.service.name} gives no password.")


def _urls_without(deployment: Deployment, cache: Cache) -> Iterator[Hit]:
    for use in url_uses(deployment):
        url = use.url
        if _FAMILIES.get(url.family) != "redis" or deployment.service_called(url.host) is not cache.service:
            continue
        if url.raw_password or (url.user and "@" in url.text):
            continue
        if re.search(r"[?&]password=", url.path) or any(use_.start == use_.end for use_ in use.variable.uses):
            continue  # a password is meant, and its variable is empty: M11's
        readers = [service for service in use.readers if not _has_password_beside(service, use, cache)]
        if readers or not use.readers:
            yield Hit(use.place, f"{use.name} has no password, which {cache.service.name} requires.")


def _has_password_beside(service: Service, use: UrlUse, cache: Cache) -> bool:
    if re.search(r"BROKER|RESULT_BACKEND|CELERY", use.name) or use.name in ("command", "entrypoint"):
        return False
    return any(
        name != use.name and variable.value == cache.password and "://" not in variable.value
        for name, variable in service.own_environment.items()
    ) or any(re.search(r"REDIS_?PASS", name) for name in service.own_environment if name.endswith("_FILE"))


@check(
    "M34",
    "error",
    "Several databases by a variable the image does not know",
    why="The image creates one database, and the others are missing.",
    fix="Create them in a mounted init script.",
)
def several_databases(deployment: Deployment) -> Iterator[Hit]:
    known = re.compile(
        r"(?:MULTIPLE|ADDITIONAL|EXTRA|MULTI|OTHER|MORE)_?(?:POSTGRES_?)?(?:DATABASES?|DBS?)|(?:DATABASES|DBS|DB_LIST|DB_NAMES)$"
    )
    for server in servers(deployment):
        if server.service.image.startswith("bitnami/"):
            continue
        for name, variable in server.service.environment.items():
            asked = known.search(name) is not None and bool(variable.value)
            several = name in ("POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE") and "," in variable.value
            if not asked and not several:
                continue
            if any(name in source.text for source in server.scripts):
                continue
            dockerfile_reads = server.service.is_built and not server.scripts and kind(deployment, server.service) == ""
            if not dockerfile_reads:
                place = variable.place if variable.place.file != ".env" else variable.source.place
                yield Hit(
                    place, f"{name} asks {server.service.name} for several databases, and no init script reads it."
                )


@check(
    "M35",
    "error",
    "Wrong URL scheme",
    why="The client speaks another protocol than the server, or has no such driver.",
    fix="Use the scheme and driver of the service.",
)
def wrong_scheme(deployment: Deployment) -> Iterator[Hit]:
    for use in url_uses(deployment):
        url = use.url
        asked = _FAMILIES.get(url.family)
        service = deployment.service_called(url.host)
        runs = kind(deployment, service) if service is not None else ""
        if runs in _JUDGED_KINDS and asked is not None and asked != runs:
            if runs == "rabbitmq" and asked == "web" and url.port in (15672, 15671, 15692):
                continue
            yield Hit(use.place, f"{use.name} says {url.scheme}://, but {url.host} runs {runs}.")
        elif asked in _DRIVERS and url.driver in _ALL_DRIVERS and url.driver not in _DRIVERS[asked]:
            yield Hit(use.place, f"{use.name} asks for the driver {url.driver}, which does not speak {url.family}.")
        elif use.name == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" and (
            url.scheme == "postgres" or url.driver == "asyncpg"
        ):
            yield Hit(use.place, f"{use.name} says {url.scheme}://, which Airflow's SQLAlchemy does not take.")
