"""Seeded defects: host, runtime, Airflow, DEAN and releases (M75 to M99)."""

from __future__ import annotations

import json

from dean_airflow.deployment.description.contracts import EVOLUTION, INDEXAGENT, Operation

from .defect import Defect, add, append, edit, remove


def interface(operations: tuple[Operation, ...], without: str = "", demands: str = "") -> str:
    """An OpenAPI document of a service, one path a line."""
    paths: dict[str, dict[str, object]] = {}
    for method, path, fields in operations:
        if f"{method} {path}" != without:
            required = [*sorted(fields), *([demands] if demands and path == "/evolution/start" else [])]
            body = {"content": {"application/json": {"schema": {"type": "object", "required": required}}}}
            paths.setdefault(path.replace("{}", "{id}"), {})[method.lower()] = {"requestBody": body} if required else {}
    lines = ",\n".join(f"  {json.dumps(path)}: {json.dumps(item)}" for path, item in paths.items())
    return '{"openapi": "3.1.0",\n "info": {"title": "x", "version": "1"},\n "paths": {\n' + lines + "\n}}\n"


RAISES = "from airflow.sdk import DAG\n\nwith DAG('bad', schedule=None):\n    raise RuntimeError('no')\n"
HEAD = 'revision = "0003"\ndown_revision = "0001"\n'
DEFECTS = [
    Defect("M75", "processes", (edit(".python-version", "3.12.4", "3.9.18"),), ".python-version", "3.9", severity="error"),
    Defect("M75", "processes", (edit("pyproject.toml", ">=3.11,<3.14", ">=3.8,<3.11"),), "pyproject.toml", "requires-python", severity="warning"),
    Defect("M75", "monitoring", (edit("docker/app.Dockerfile", "python:3.12-slim", "python:3.8-slim"),), "docker/app.Dockerfile", "FROM", severity="error"),
    Defect("M77", "secrets_files", (remove("data/pg/.keep"),), "docker-compose.yml", "${DATA_DIR"),
    Defect("M77", "processes", (remove("logs/.keep"),), "dean-deployment.yaml", "directories"),
    Defect("M77", "dean_stack", (edit("scripts/backup.sh", 'mkdir -p "$BACKUP_DIR"\n', ""),), "scripts/backup.sh", "BACKUP_DIR="),
    Defect("M78", "production_tls", (remove("backups/db-@date:-1@.dump"), add("backups/db-2024-01-31.dump", "x")), "dean-deployment.yaml", "backups"),
    Defect("M78", "split_files", (add("backups/jobs_20240131_0300.sql", "x"),), "backups", None),
    Defect("M78", "minimal", (add("rollback.ps1", "Restore-All\n"),), "rollback.ps1", None),
    Defect("M79", "airflow_celery", (edit("docker-compose.yml", "apache/airflow:3.0.2-python3.12", "apache/airflow:2.10.3-python3.12"),), "docker-compose.yml", "image: apache"),
    Defect("M79", "airflow_standalone_build", (edit("airflow/Dockerfile", "apache/airflow:3.1.0", "apache/airflow:2.9.1"),), "airflow/Dockerfile", "FROM"),
    Defect("M79", "dean_stack", (append(".env", "AIRFLOW_API_URL=http://airflow.example.com:8080/api/v1\n"),), ".env", "AIRFLOW_API_URL"),
    Defect("M79", "airflow_celery", (edit("docker-compose.yml", 'AIRFLOW__CORE__LOAD_EXAMPLES: "false"', "AIRFLOW__API__AUTH_BACKENDS: airflow.api.auth.backend.basic_auth"),), "docker-compose.yml", "AUTH_BACKENDS"),
    Defect("M80", "airflow_standalone_build", (add("dags/bad.py", RAISES),), "dags/bad.py", "raise RuntimeError"),
    Defect("M80", "airflow_standalone_build", (edit("dean-deployment.yaml", "dags: [hello]", "dags: [hello, goodbye]"),), "dean-deployment.yaml", "dags:"),
    Defect("M80", "airflow_celery", (edit("dags/evolve.py", "from airflow.sdk import", "import not_installed_anywhere\nfrom airflow.sdk import"),), "dags/evolve.py", "import not_installed_anywhere"),
    Defect("M81", "airflow_celery", (edit(".env", "FERNET_KEY=@fernet:13@", "FERNET_KEY=@secret:44:nofernet@x"),), ".env", "FERNET_KEY="),
    Defect("M81", "airflow_standalone_build", (edit("airflow.env", "AIRFLOW__API__SECRET_KEY=@secret:70:as2@", "AIRFLOW__API__SECRET_KEY="),), "airflow.env", "SECRET_KEY="),
    Defect("M81", "airflow_celery", (edit(".env", "FERNET_KEY=@fernet:13@\n", ""),), "docker-compose.yml", "FERNET_KEY"),
    Defect("M81", "airflow_standalone_build", (edit("airflow.env", "AIRFLOW_VAR_GREETING=hello\n", ""),), "dags/hello.py", "Variable.get"),
    Defect("M81", "airflow_celery", (edit("docker-compose.yml", "    AIRFLOW_VAR_REPOSITORY: https://github.com/example/project\n", ""),), "dags/evolve.py", "Variable.get"),
    Defect("M82", "dean_stack", (edit("health/indexagent.json", '"version": "1.4.2"', '"version": "1.3.9"'),), "health/indexagent.json", "1.3.9"),
    Defect("M82", "dean_stack", (edit("dean-deployment.yaml", "[lineage]", "[lineage, genome]"),), "dean-deployment.yaml", "genome"),
    Defect("M82", "evolution_suite", (add("health/evolution.json", '{"status": "healthy", "version": "1", "capabilities": []}\n'), append(".env", "TOKEN_BUDGET=9000\n")), ".env", "TOKEN_BUDGET"),
    Defect("M83", "dean_stack", (edit("evolution.yaml", "memory: 0.3", "memory: 0.4"),), "evolution.yaml", "fitness_weights"),
    Defect("M83", "dean_stack", (edit("evolution.yaml", "mutation_rate: 0.1", "mutation_rate: 1.5"),), "evolution.yaml", "mutation_rate"),
    Defect("M83", "evolution_suite", (edit("services/evolution/config.json", '"budget": 4000', '"budget": 1900'),), "services/evolution/config.json", "budget"),
    Defect("M83", "evolution_suite", (edit("compose.yaml", "EVOLUTION_GENERATIONS: 10", "EVOLUTION_GENERATIONS: 1000"),), "compose.yaml", "EVOLUTION_GENERATIONS"),
    Defect("M84", "dean_stack", (edit(".env", "SEARCH_URL=http://indexagent:8081/search\n", ""),), ".env", "FEATURE_SEARCH"),
    Defect("M84", "kafka_java", (append(".env", "ENABLE_TRACING=true\nTRACING_URL=\n"),), ".env", "ENABLE_TRACING"),
    Defect("M84", "monitoring", (add("dean-deployment.yaml", "features: {USE_OTEL: OTEL_URL}\n"), append(".env", "USE_OTEL=1\n")), ".env", "USE_OTEL"),
    Defect("M85", "processes", (edit("app/server.py", "import json", "import jsonn"),), "dean-deployment.yaml", "modules"),
    Defect("M85", "minimal", (add(".env", "DEAN_MODULES=os,no_such_module_x\n", 0o600),), ".env", "DEAN_MODULES"),
    Defect("M86", "dean_stack", (edit("requirements.txt", "requests==2.32.3", "requests>=2"),), "requirements.txt", "requests>=2"),
    Defect("M86", "webapp_nginx_mariadb", (edit("shop/requirements.txt", "flask==3.0.3", "flask==3.0.3\npyyaml==5.3.1"),), "shop/requirements.txt", "pyyaml"),
    Defect("M88", "dean_stack", (edit("compose.yaml", "reservations: {memory: 128M}", "reservations: {memory: 1G}"),), "compose.yaml", "reservations"),
    Defect("M88", "production_tls", (edit("compose.yaml", 'reservations: {cpus: "0.5"', 'reservations: {cpus: "2.5"'),), "compose.yaml", "reservations"),
    Defect("M88", "minimal", (edit("compose.yaml", "    mem_limit: 32m\n", "    mem_limit: 32m\n    mem_reservation: 64m\n"),), "compose.yaml", "mem_reservation"),
    Defect("M94", "airflow_celery", (edit("docker-compose.yml", "image: postgres:13", "image: postgres:12.20"),), "docker-compose.yml", "postgres:12"),
    Defect("M94", "secrets_files", (add("data/pg/PG_VERSION", "15\n"),), "docker-compose.yml", "postgres:16.3"),
    Defect("M94", "kafka_java", (edit("compose.yaml", "pgvector:0.7.4-pg16", "pgvector:0.7.4-pg12"),), "compose.yaml", "pg12"),
    Defect("M96", "evolution_suite", (add("services/evolution/migrations/versions/0003_c.py", HEAD),), "services/evolution/migrations/versions/0003_c.py", "down_revision"),
    Defect("M96", "split_files", (add("db/versions/a.py", 'revision = "a"\ndown_revision = None\n'), add("db/versions/b.py", 'revision = "b"\n\ndown_revision = None\n')), "db/versions/b.py", "down_revision"),
    Defect("M97", "airflow_celery", (edit("dags/evolve.py", 'pool="evolution"', 'pool="evolve"'),), "dags/evolve.py", '"evolve"'),
    Defect("M97", "airflow_celery", (edit("docker-compose.yml", "celery worker -q default,evolution", "celery worker -q default"),), "dags/evolve.py", "queue="),
    Defect("M97", "airflow_standalone_build", (edit("dags/hello.py", "    @task\n", '    @task(pool="slow")\n'),), "dags/hello.py", "slow"),
    Defect("M99", "dean_stack", (add("health/indexagent.openapi.json", interface(INDEXAGENT, without="POST /search")),), "health/indexagent.openapi.json", '"paths"'),
    Defect("M99", "evolution_suite", (add("health/evolution-api.openapi.json", interface(EVOLUTION, demands="owner")),), "health/evolution-api.openapi.json", "/evolution/start"),
]  # fmt: skip
