"""Seeded defects that make every row at least two, in different deployments."""

from __future__ import annotations

from .defect import Defect, add, append, edit
from .defects_operation import interface

from dean_airflow.deployment.description.contracts import EVOLUTION  # isort: skip

DEFECTS: list[Defect] = [
    Defect("M82", "evolution_suite", (add("dean-deployment.yaml", "services:\n  indexagent: {capabilities: [genome]}\n"), add("health/indexagent.json", '{"status": "healthy", "version": "1"}\n')), "dean-deployment.yaml", "genome"),
    Defect("M85", "kafka_java", (add("dean-deployment.yaml", "modules:\n  - json\n  - no_such_module_y\n"),), "dean-deployment.yaml", "no_such_module_y"),
    Defect("M99", "kafka_java", (add("health/evolution.openapi.json", interface(EVOLUTION, without="GET /patterns")),), "health/evolution.openapi.json", '"paths"'),
    Defect("M22", "webapp_nginx_mariadb", (add("secrets/rotation.yaml", "db_root_password: @date:-91@\n", 0o600),), "secrets/rotation.yaml", "db_root_password"),
    Defect("M26", "webapp_nginx_mariadb", (edit("compose.yml", "      - DB_NAME=shop\n", ""),), "compose.yml", "SQLALCHEMY_DATABASE_URI"),
    Defect("M06", "backup_jobs", (append("restore.sh", "EOF\n"),), "restore.sh", "EOF"),
]  # fmt: skip
