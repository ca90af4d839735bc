"""M93 to M96: databases and caches, asked with the logins that services have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from dean_airflow.deployment.checks.registry import Hit, NotChecked, probe
from dean_airflow.deployment.description.addresses import LOCALHOST
from dean_airflow.deployment.description.caches import caches
from dean_airflow.deployment.description.databases import UrlUse, server_of, url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.probes.probes import LoginRefused, Probes


def _reachable(deployment: Deployment, use: UrlUse) -> tuple[str, int] | None:
    """From where this process is: the published port of a service, or a host with a dot."""
    service = deployment.service_called(use.url.host)
    if service is not None:
        wanted = use.url.effective_port
        for port in service.ports:
            for published, target in zip(port.published_numbers, port.target_numbers, strict=False):
                if target == wanted:
                    return port.host or LOCALHOST, published
        return None
    return (use.url.host, use.url.effective_port or 0) if "." in use.url.host else None


@probe(
    "M93", "error", "Login refused",
    why="The service cannot work with its database or cache.",
    fix="Correct host, user, password, database or TLS mode.",
)  # fmt: skip
def login_refused(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    asked = 0
    for use in url_uses(deployment):
        at = _reachable(deployment, use)
        if at is None or "$" in use.url.text:
            continue
        if use.url.family in ("redis", "rediss"):
            if probes.connect(*at):
                continue
            asked += 1
            reason = probes.redis_login(*at, use.url.user, use.url.password)
            if reason:
                yield Hit(use.place, f"{use.name}: the cache refuses the login: {reason}.")
        elif use.url.family in ("postgres", "postgresql"):
            if probes.connect(*at):
                continue
            asked += 1
            try:
                probes.query(_database_url(use, at), "SELECT 1")
            except LoginRefused as refusal:
                yield Hit(use.place, f"{use.name}: the database refuses the login: {refusal}.")
    if not asked and (caches(deployment) or any(server_of(deployment, use) for use in url_uses(deployment))):
        raise NotChecked("no database or cache is reached from here")


def _database_url(use: UrlUse, at: tuple[str, int]) -> str:
    url = use.url
    return (
        f"postgresql+psycopg2://{quote(url.user)}:{quote(url.password, safe='')}@{at[0]}:{at[1]}/{quote(url.database)}"
    )


def _databases(deployment: Deployment, probes: Probes) -> Iterator[tuple[UrlUse, str]]:
    reached = False
    for use in url_uses(deployment):
        at = _reachable(deployment, use)
        if use.url.family in ("postgres", "postgresql") and at is not None and not probes.connect(*at):
            reached = True
            yield use, _database_url(use, at)
    if not reached:
        raise NotChecked("no database is reached from here")


@probe(
    "M94", "error", "Database server too old",
    why="DEAN's schema needs what the server does not have.",
    fix="Upgrade by dump and restore.",
)  # fmt: skip
def live_version(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for use, url in _databases(deployment, probes):
        try:
            rows = probes.query(url, "SHOW server_version_num")
        except LoginRefused:
            continue  # M93's
        version = int(str(rows[0][0])) // 10_000
        if version < 13:
            yield Hit(use.place, f"{use.name}: the server is PostgreSQL {version}; 13 is the oldest supported.")


@probe(
    "M95", "error", "Role lacks a privilege",
    why="The first write, or the first migration, fails.",
    fix="Grant it.",
)  # fmt: skip
def privileges(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    statement = (
        "SELECT has_database_privilege(current_database(), 'CONNECT'), "
        "has_schema_privilege(current_schema(), 'USAGE'), has_schema_privilege(current_schema(), 'CREATE')"
    )
    for use, url in _databases(deployment, probes):
        try:
            rows = probes.query(url, statement)
        except LoginRefused:
            continue  # M93's
        lacks = [name for name, has in zip(("connect", "use", "create"), rows[0], strict=True) if not has]
        missing = [f"{', '.join(lacks)} in its schema"] if lacks else []
        if tables := [str(row[0]) for row in probes.query(url, _NOT_WRITABLE)]:
            more = f" and {len(tables) - 3} more" if len(tables) > 3 else ""
            missing.append(f"read and write {', '.join(tables[:3])}{more}")
        missing += [f"create the extension {name}" for name in _extensions(deployment, probes, url)]
        if missing:
            yield Hit(use.place, f"{use.name}: the role may not {', nor '.join(missing)}.")


_NOT_WRITABLE = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND NOT ("
    "has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT') AND "
    "has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT') AND "
    "has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE') AND "
    "has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE')) ORDER BY 1"
)
_EXTENSION = re.compile(r"(?im)^\s*CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?([\w-]+)")


def _extensions(deployment: Deployment, probes: Probes, url: str) -> Iterator[str]:
    """Of the migrations, which run as this role: those that are neither there nor to be made by it."""
    folder = deployment.file.get("migrations", "dir")
    if folder is None or not folder.text:
        return
    root = deployment.tree.resolve(folder.text)
    sources = [source for source in deployment.tree.matching(".sql") if source.path.is_relative_to(root)]
    wanted = {name for source in sources for name in _EXTENSION.findall(source.text)}
    if not wanted:
        return
    there = {str(row[0]) for row in probes.query(url, "SELECT extname FROM pg_extension")}
    may = probes.query(
        url,
        "SELECT has_database_privilege(current_database(), 'CREATE'), "
        "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    )[0]
    trusted = {
        str(row[0]) for row in probes.query(url, "SELECT name FROM pg_available_extension_versions WHERE trusted")
    }
    for name in sorted(wanted - there):
        if not (may[1] or (may[0] and name in trusted)):
            yield name


@probe(
    "M96", "warning", "Migrations pending",
    why="The code expects tables that are not there.",
    fix="Migrate.",
)  # fmt: skip
def migrations_pending(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    revisions: dict[str, set[str]] = {}
    for source in deployment.tree.matching(".py"):
        found = re.search(r"(?m)^revision\s*(?::[^=]+)?=\s*['\"]([^'\"]+)", source.text)
        if source.path.parent.name == "versions" and found:
            down = re.search(r"(?m)^down_revision\s*(?::[^=]+)?=\s*(.+)", source.text)
            revisions[found[1]] = set(re.findall(r"['\"]([^'\"]+)['\"]", down[1])) if down else set()
    if not revisions:
        return
    heads = set(revisions) - {parent for parents in revisions.values() for parent in parents}
    for use, url in _databases(deployment, probes):
        try:
            current = {str(row[0]) for row in probes.query(url, "SELECT version_num FROM alembic_version")}
        except LoginRefused:
            continue
        if current - set(revisions):
            yield Hit(
                use.place, f"{use.name}: the database is at {', '.join(sorted(current))}, ahead of the code.", "error"
            )
        elif current != heads:
            yield Hit(use.place, f"{use.name}: migrations are pending.", "warning")
