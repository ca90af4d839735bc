"""M30: partitions that end, schemas that nobody creates, migrations that were edited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.checks.rotation import as_date
from dean_airflow.deployment.description.databases import servers, url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import remembered
from dean_airflow.deployment.description.sql import Statement, line_in, statements
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

_IDENTIFIER = r"(?:\"[^\"]+\"|[\w.]+)"
_PARENT = re.compile(
    rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?({_IDENTIFIER}).*\bPARTITION\s+BY\s+RANGE", re.I | re.S
)
_PARTITION = re.compile(
    rf"({_IDENTIFIER})\s+PARTITION\s+OF\s+({_IDENTIFIER})\s+(?:FOR\s+VALUES\s+FROM\s*\(\s*'?([^')]+)'?\s*\)\s*TO\s*\(\s*'?([^')]+)'?\s*\)|(DEFAULT))",
    re.I | re.S,
)
_ATTACH = re.compile(
    rf"ALTER\s+TABLE\s+(?:ONLY\s+)?({_IDENTIFIER})\s+ATTACH\s+PARTITION\s+({_IDENTIFIER})\s+(?:FOR\s+VALUES\s+FROM\s*\(\s*'?([^')]+)'?\s*\)\s*TO\s*\(\s*'?([^')]+)'?\s*\)|(DEFAULT))",
    re.I | re.S,
)
_CREATES_SCHEMA = re.compile(r"CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:AUTHORIZATION\s+)?\"?(\w+)\"?", re.I)
_QUALIFIED = re.compile(
    r"\b(?:CREATE\s+(?:UNLOGGED\s+|TEMP\s+|OR\s+REPLACE\s+|MATERIALIZED\s+|FOREIGN\s+)*(?:TABLE|VIEW|TYPE|SEQUENCE|FUNCTION|PROCEDURE)"
    r"(?:\s+IF\s+NOT\s+EXISTS)?|INSERT\s+INTO|ALTER\s+TABLE(?:\s+IF\s+EXISTS)?(?:\s+ONLY)?|REFERENCES"
    r"|CREATE\s+(?:UNIQUE\s+)?INDEX\b[^;(]*?\bON(?:\s+ONLY)?|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+\"?(\w+)\"?\.\"?\w+",
    re.I,
)
_IN_SCHEMA = re.compile(r"\b(?:ON\s+SCHEMA|IN\s+SCHEMA|SET\s+search_path\s*(?:TO|=))\s+\"?(\w+)\"?", re.I)
_THERE = frozenset(
    {"public", "pg_catalog", "information_schema", "pg_temp", "pg_toast", "topology", "tiger", "cron", "partman", "new"}
    | {"old", "excluded", "default"}
)


@dataclass
class _Partitions:
    place: Place
    bounds: list[tuple[date, date, Place]] = field(default_factory=list)
    covered: bool = False


@check(
    "M30", "error", "Partition or schema missing, or migration changed",
    why="The first write of the day fails, a table has nowhere to go, or databases of one version differ.",
    fix="Add a migration; never edit one that was applied.",
)  # fmt: skip
def schema_problems(deployment: Deployment) -> Iterator[Hit]:
    sources = [s for s in deployment.tree.sources if s.path.suffix == ".sql"]
    sources += [s for server in servers(deployment) for s in server.scripts if s.path.suffix != ".sql"]
    parsed = remembered(deployment, "sql", lambda: [(s, statements(s)) for s in sources])
    yield from _partitions_end(deployment, parsed)
    if _is_postgres(deployment):
        yield from _schemas_missing(parsed)
    yield from _migrations_changed(deployment)


def _is_postgres(deployment: Deployment) -> bool:
    engines = {server.engine for server in servers(deployment)}
    if engines:
        return engines == {"postgres"}
    return any(use.url.family in ("postgres", "postgresql") for use in url_uses(deployment))


def _partitions_end(deployment: Deployment, parsed: list[tuple[Source, list[Statement]]]) -> Iterator[Hit]:
    tables: dict[str, _Partitions] = {}
    made_elsewhere = any(
        "PARTITION OF" in s.text.upper() and "EXECUTE" in s.text.upper() for _, each in parsed for s in each
    )
    made_elsewhere = made_elsewhere or any("create_parent" in s.text for _, each in parsed for s in each)
    for source, each in parsed:
        for statement in each:
            parent = _PARENT.search(statement.text)
            if parent is not None:
                name = _table(parent[1])
                tables.setdefault(name, _Partitions(source.at(line_in(statement, parent.start(1)))))
    for source, each in parsed:
        for statement in each:
            matches = [(m[2], m) for m in _PARTITION.finditer(statement.text)]
            matches += [(m[1], m) for m in _ATTACH.finditer(statement.text)]
            for name, match in matches:
                table = tables.get(_table(name))
                if table is None:
                    continue
                first, last = as_date(_day(match[3])), as_date(_day(match[4]))
                place = source.at(line_in(statement, match.start(4) if match[4] else match.start(1)))
                if match[5] or "MAXVALUE" in (match[4] or "").upper():
                    table.covered = True
                elif last is not None:
                    table.bounds.append((first or date.min, last, place))
                else:
                    table.covered = True  # bounds that are no dates are not judged
    today = deployment.now.date()
    for name, table in tables.items():
        if table.covered or made_elsewhere or not table.bounds:
            continue
        if not any(first <= today < last for first, last, _ in table.bounds):
            latest = max(table.bounds, key=lambda bound: bound[1])
            yield Hit(
                latest[2],
                f"No partition of {name} covers {today}; the last one ends on {latest[1]}.",
                also=(table.place,),
            )


def _day(text: str | None) -> str:
    return (text or "").strip().strip("'\"")[:10]


def _table(name: str) -> str:
    return name.replace('"', "").rpartition(".")[2].lower()


def _schemas_missing(parsed: list[tuple[Source, list[Statement]]]) -> Iterator[Hit]:
    created = {m[1].lower() for _, each in parsed for s in each for m in _CREATES_SCHEMA.finditer(s.text)}
    dynamic = any(re.search(r"EXECUTE\s.*CREATE\s+SCHEMA", s.text, re.I | re.S) for _, each in parsed for s in each)
    seen: set[str] = set()
    for source, each in parsed:
        for statement in each:
            if re.match(r"\s*(?:CREATE\s+EVENT|DO)\b", statement.text, re.I):
                continue
            text = re.sub(
                r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", lambda m: "\n" * m[0].count("\n"), statement.text, flags=re.S
            )
            for pattern in (_QUALIFIED, _IN_SCHEMA):
                for match in pattern.finditer(text):
                    name = match[1].lower()
                    known = name in created or name in _THERE or name.startswith(("pg_", "_timescaledb", "timescaledb"))
                    if not known and not dynamic and name not in seen:
                        seen.add(name)
                        yield Hit(source.at(line_in(statement, match.start(1))), f"Nothing creates the schema {name}.")


def _migrations_changed(deployment: Deployment) -> Iterator[Hit]:
    tree = deployment.tree
    folder = deployment.file.text("migrations", "dir") or "migrations"
    sums = deployment.file.text("migrations", "sums") or f"{folder}/SHA256SUMS"
    source = tree.source(tree.resolve(sums))
    if source is None:
        return
    for number, line in enumerate(source.lines, 1):
        match = re.match(r"([0-9a-fA-F]{64})\s+\*?(\S.*?)\s*$", line)
        if match is None:
            continue
        candidates = [source.path.parent / match[2], tree.resolve(folder) / Path(match[2]).name, tree.root / match[2]]
        path = next((each for each in candidates if each.is_file()), None)
        migration = tree.source(path) if path is not None else None
        if migration is not None and hashlib.sha256(migration.data).hexdigest() != match[1].lower():
            what = f"{migration.name} is not what {source.name} recorded: it was changed after it was applied."
            yield Hit(source.at(number), what, also=(Place(migration.name),))
