"""M80 to M82, M89, M90, M92, M93, M95 to M99: what runs, asked where it runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dean_airflow.deployment.checks.airflow import SHIPPED_DAGS
from dean_airflow.deployment.checks.dean import _operations, satisfies
from dean_airflow.deployment.checks.registry import Hit, NotChecked, probe
from dean_airflow.deployment.description.addresses import LOCALHOST
from dean_airflow.deployment.description.airflow import airflow_services, names_of_dags, reads_of_dags
from dean_airflow.deployment.description.caches import caches
from dean_airflow.deployment.description.contracts import contract_of
from dean_airflow.deployment.description.databases import UrlUse, server_of, url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import each_variable
from dean_airflow.deployment.description.roles import dean_services
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.probes.docker import in_compose, needs_docker
from dean_airflow.deployment.probes.probes import LoginRefused, Probes

RELEASE_RECORD = ".dean/release.json"
"""What the last release was made of: image digests by service, and SHA-256 of each rendered file by name."""


def _published(service: Service) -> int | None:
    return next((number for port in service.ports for number in port.published_numbers), None)


def _in_airflow(deployment: Deployment, probes: Probes, *words: str) -> Any:
    """The JSON that an `airflow` command prints in the running deployment's own Airflow."""
    services = airflow_services(deployment)
    if not services:
        raise NotChecked("the deployment has no Airflow")
    ran = in_compose(deployment, probes, "exec", "-T", services[0].name, "airflow", *words, "-o", "json")
    start = ran.output.find("[")
    try:
        return json.loads(ran.output[start:]) if start >= 0 else []
    except ValueError:
        raise NotChecked("Airflow's answer is no JSON") from None


@probe(
    "M80", "error", "DAG absent or paused",
    why="It never runs.",
    fix="Unpause it: `airflow dags unpause`.",
)  # fmt: skip
def dag_paused(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    declared = [(node.text, node.place) for node in deployment.file.entries("airflow", "dags")]
    there = {str(d.get("dag_id")): str(d.get("is_paused")) for d in _in_airflow(deployment, probes, "dags", "list")}
    wanted = declared or [(name, Place(".")) for name in SHIPPED_DAGS if name in there]
    for name, place in wanted:
        if name not in there:
            yield Hit(place, f"Airflow does not know the DAG {name}.")
        elif there[name].lower() == "true":
            yield Hit(place, f"The DAG {name} is paused.")


@probe(
    "M81", "error", "Airflow connection or variable missing",
    why="The DAG fails at its first task.",
    fix="Set it in Airflow, or in its secrets backend.",
)  # fmt: skip
def airflow_has_values(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    backend = [v for v, _ in each_variable(deployment) if v.name == "AIRFLOW__SECRETS__BACKEND" and v.value]
    if not backend:
        return
    known = {str(each.get("conn_id")) for each in _in_airflow(deployment, probes, "connections", "list")}
    known_variables = {str(each.get("key")) for each in _in_airflow(deployment, probes, "variables", "list")}
    for read in reads_of_dags(deployment):
        if read.name not in (known if read.kind == "connection" else known_variables):
            yield Hit(read.place, f"Airflow has no {read.kind} {read.name}.")


@probe(
    "M97", "error", "Pool without anybody behind it",
    why="Tasks wait for ever, without an error.",
    fix="Create the pool: `airflow pools set`.",
)  # fmt: skip
def pool_exists(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    wanted = [named for named in names_of_dags(deployment) if named.kind == "pool"]
    if not wanted:
        return
    known = {str(each.get("pool")) for each in _in_airflow(deployment, probes, "pools", "list")}
    for named in wanted:
        if named.name not in known:
            yield Hit(named.place, f"Airflow has no pool {named.name}.")


@probe(
    "M98", "error", "DEAN's plugin not loaded",
    why="Reports and the API of DEAN are not there.",
    fix="Install dean-airflow beside Airflow and restart it.",
)  # fmt: skip
def plugin_loaded(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    loaded = _in_airflow(deployment, probes, "plugins")
    if not any("dean" in str(each.get("name", "")).lower() for each in loaded):
        yield Hit(airflow_services(deployment)[0].place, "Airflow has not loaded DEAN's plugin.")


def _live(deployment: Deployment, probes: Probes, path: str) -> Iterator[tuple[Service, dict[str, Any]]]:
    """A JSON answer of each running service of DEAN's that publishes a port."""
    asked = False
    for service in dean_services(deployment):
        port = _published(service)
        if port is None or probes.connect(LOCALHOST, port):
            continue
        status, body = probes.http_status(f"http://{LOCALHOST}:{port}{path}")
        try:
            answer = json.loads(body)
        except ValueError:
            continue
        if status and isinstance(answer, dict):
            asked = True
            yield service, answer
    if not asked:
        raise NotChecked("no service of DEAN's runs here")


@probe(
    "M82", "error", "Contract version or capability missing",
    why="DEAN calls what the service does not have.",
    fix="Upgrade the service.",
)  # fmt: skip
def live_contract(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for service, health in _live(deployment, probes, "/health"):
        required = deployment.declared(service.name, "contract")
        found = str(health.get("contract_version") or health.get("version") or "")
        if required is not None and not satisfies(found, required.text):
            yield Hit(required.place, f"{service.name} has contract {found}; {required.text} is required.")
        wanted = deployment.declared(service.name, "capabilities")
        for node in wanted.entries() if wanted is not None else ():
            if node.text not in (health.get("capabilities") or ()):
                yield Hit(node.place, f"{service.name} does not offer the capability {node.text}.")


@probe(
    "M99", "error", "Interface differs from the contract",
    why="DEAN's calls to the service fail.",
    fix="Upgrade the service.",
)  # fmt: skip
def live_interface(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for service, document in _live(deployment, probes, "/openapi.json"):
        operations = _operations(document)
        for method, path, fields in contract_of(service.name) if "paths" in document else ():
            offered = operations.get((method, path))
            shown = path.replace("{}", "{id}")
            if offered is None:
                yield Hit(service.place, f"{service.name} has no {method} {shown}.")
            elif demanded := sorted(offered[0] - fields):
                yield Hit(service.place, f"{method} {shown} of {service.name} demands {', '.join(demanded)}.")


@probe(
    "M89", "warning", "Drift since the last release",
    why="The next deployment undoes by surprise what was changed by hand.",
    fix="Deploy again, or take the change into the files.",
)  # fmt: skip
def drift(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    source = deployment.tree.source(deployment.root / RELEASE_RECORD)
    if source is None:
        raise NotChecked("there is no record of a release")
    record = json.loads(source.text)
    for name, digest in (record.get("files") or {}).items():
        rendered = deployment.tree.source(deployment.tree.resolve(name))
        if rendered is None or hashlib.sha256(rendered.data).hexdigest() != digest:
            yield Hit(Place(name), f"{name} is not what the last release rendered.")
    images = record.get("images") or {}
    if not images:
        return
    ran = in_compose(deployment, probes, "images", "--format", "json")
    try:
        running = {
            str(e.get("Service") or e.get("ContainerName")): str(e.get("ID")) for e in json.loads(ran.output or "[]")
        }
    except ValueError:
        raise NotChecked("Docker's answer is no JSON") from None
    for name, digest in images.items():
        if name in running and running[name] != digest and name in deployment.services:
            yield Hit(deployment.services[name].at("image"), f"{name} runs another image than the last release.")


@probe(
    "M90", "error", "Image not obtainable",
    why="The service is not deployed.",
    fix="Correct registry, name, tag or credentials.",
)  # fmt: skip
def image_obtainable(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    for image, service in {s.image: s for s in deployment.services.values() if s.image and not s.is_built}.items():
        if probes.run(["docker", "image", "inspect", "--format", "{{.Id}}", image]).ok:
            continue
        ran = probes.run(["docker", "manifest", "inspect", image], seconds=8.0)
        if ran.code is None or re.search(r"dial tcp|no such host|timeout|daemon|connection refused", ran.error):
            raise NotChecked("Docker or the registry does not answer")
        if not ran.ok:
            yield Hit(service.at("image"), f"{image} is neither here nor in its registry.")


@probe(
    "M92", "error", "Needed service answers wrongly",
    why="The first request of a user fails.",
    fix="Correct URL, trust or credential.",
)  # fmt: skip
def upstream_answers(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    seen: set[str] = set()
    for use in url_uses(deployment):
        url = use.url
        if url.family not in ("http", "https") or "." not in url.host or "$" in url.text or url.host in seen:
            continue
        if deployment.service_called(url.host) is not None or url.host.startswith("127."):
            continue
        seen.add(url.host)
        status, reason = probes.http_status(url.text)
        if status == 0 and reason.startswith("TLS"):
            yield Hit(use.place, f"{use.name}: {url.host} is refused, {reason}.")
        elif status >= 500 or status in (401, 403):
            yield Hit(use.place, f"{use.name}: {url.host} answers {status}.")


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
