"""Which variables the program of a service cannot do without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import context_path, dockerfile_of, remembered
from dean_airflow.deployment.description.images import parse_image
from dean_airflow.deployment.description.script import is_shell
from dean_airflow.deployment.description.service import Service

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

PARTS = ("POSTGRES_", "DB_", "PG", "MYSQL_", "DATABASE_", "MARIADB_", "SQL_", "REDIS_", "CACHE_")
"""What the names of a database's or a cache's parts begin with: M26's where only the URL is passed."""

_PYTHON = re.compile(r"\benviron\s*\[\s*[\"'](\w+)[\"']\s*\](?!\s*=[^=])")
_SHELL = re.compile(r"\$\{(\w+):?\?")
_DOCUMENTED: dict[str, frozenset[str]] = {
    "postgres-backup-local": frozenset({"POSTGRES_HOST", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}),
    "postgres-backup-s3": frozenset({"POSTGRES_HOST", "POSTGRES_DATABASE", "POSTGRES_USER", "POSTGRES_PASSWORD"}),
    "mysql-cron-backup": frozenset({"MYSQL_HOST", "MYSQL_USER", "MYSQL_PASS"}),
    "pgbouncer": frozenset(),
}


def needed_variables(deployment: Deployment, service: Service) -> set[str]:
    """Documented for known images; for a built one, what its code reads without a default.

    What the code itself guards (`"X" in os.environ`, `setdefault`) and what the Dockerfile sets is not needed.
    """
    needs: dict[str, set[str]] = remembered(deployment, "needs", dict)
    if service.name not in needs:
        needs[service.name] = _needs(deployment, service)
    return needs[service.name]


def _needs(deployment: Deployment, service: Service) -> set[str]:
    declared = deployment.declared(service.name, "env")
    if declared is not None:
        return set(declared.words())
    if not service.is_built:
        return set(_DOCUMENTED.get(parse_image(service.image).name, frozenset()))
    context = context_path(service)
    if context is None:
        return set()
    found: set[str] = set()
    for source in deployment.tree.sources:
        relative = source.path.relative_to(context).parts if source.path.is_relative_to(context) else ()
        if not relative or {"tests", "test"} & set(relative[:-1]) or source.path.name.startswith("test_"):
            continue
        if source.path.suffix == ".py":
            code = re.sub(r"(?m)^\s*#.*$", "", source.text)
            names = set(_PYTHON.findall(code))
            guarded = set(re.findall(r"[\"'](\w+)[\"']\s+(?:not\s+)?in\s+(?:os\.)?environ", code))
            found |= names - guarded - set(re.findall(r"setdefault\(\s*[\"'](\w+)", code))
        elif is_shell(source):
            found |= set(_SHELL.findall(re.sub(r"(?m)^\s*#.*$", "", source.text)))
    dockerfile = dockerfile_of(deployment, service)
    return found - set(dockerfile.environment if dockerfile is not None else ())
