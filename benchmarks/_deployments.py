"""Deployments to measure the validator on: those of the tests, and a generated one of any size."""

from __future__ import annotations

from pathlib import Path

from tests.deployments.build import File, write

_SERVICE = """\
  service-{n}:
    image: registry.example.com/team/service-{n}:1.{n}.0
    environment:
      DATABASE_URL: postgresql://app:${{DB_PASSWORD}}@db-{db}:5432/app
      NEXT_URL: http://service-{next}:8000/api
      LOG_LEVEL: ${{LOG_LEVEL:-info}}
      PORT: "8000"
    ports: ["127.0.0.1:{port}:8000"]
    depends_on:
      db-{db}: {{condition: service_healthy}}
    networks: [net-{db}, all]
    healthcheck: {{test: [CMD, /probe, "http://localhost:8000/health"], interval: 30s, start_period: 5s}}
    restart: unless-stopped
    logging: {{driver: json-file, options: {{max-size: 10m}}}}
    deploy: {{resources: {{limits: {{cpus: "0.5", memory: 256M}}}}}}
"""
_DATABASE = """\
  db-{n}:
    image: postgres:16.4
    environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: "${{DB_PASSWORD}}", POSTGRES_DB: app}}
    volumes: ["data-{n}:/var/lib/postgresql/data", "./sql:/docker-entrypoint-initdb.d:ro"]
    networks: [net-{n}]
    healthcheck: {{test: [CMD, pg_isready, -U, app, -d, app], start_period: 5s}}
    restart: unless-stopped
    logging: {{driver: json-file, options: {{max-size: 10m}}}}
    deploy: {{resources: {{limits: {{memory: 512M}}}}}}
"""


def large(root: Path, services: int) -> Path:
    """A valid deployment of so many services, every fifth a database, with SQL, scripts and an env file."""
    databases = services // 5
    others = services - databases
    text = "services:\n"
    text += "".join(_DATABASE.format(n=n) for n in range(databases))
    text += "".join(
        _SERVICE.format(n=n, db=n % databases, next=(n + 1) % others, port=20_000 + n) for n in range(others)
    )
    names = range(databases)
    text += "networks:\n  all:\n" + "".join(f"  net-{n}:\n" for n in names)
    text += "volumes:\n" + "".join(f"  data-{n}:\n" for n in names)
    secret = "Zk3vQ9xTf7Lw2Rb8Hn5Yc1Jm6Ps4Gd0AeUi"
    files = {
        "compose.yaml": text,
        ".env": f"DB_PASSWORD={secret}\n",
        "sql/init.sql": "CREATE SCHEMA app;\n" + "".join(f"CREATE TABLE app.t{n} (id int);\n" for n in range(200)),
        **{f"scripts/step-{n}.sh": "#!/bin/sh\nset -eu\ndocker compose ps\n" for n in range(20)},
        "requirements.txt": "requests==2.32.3\n",
    }
    modes = {".env": 0o600}
    return write(root, {n: File(n, t, modes.get(n, 0o755 if n.endswith(".sh") else None)) for n, t in files.items()})
