"""Rows that the machine shows, each caused; and that what cannot be asked never counts as passed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.deployment.checks.registry import shipped_checks
from dean_airflow.deployment.finding import NotChecked
from dean_airflow.deployment.probes.probes import Ran
from dean_airflow.deployment.result import ValidationResult
from dean_airflow.deployment.validator import DeploymentValidator

from ...deployments.build import build, files_of, write
from ...deployments.defect import Change, add, append, edit
from .machine import GB, MISSING, Machine

FAILED = Ran(1, "", "it failed")
PAUSED = json.dumps([{"dag_id": "hello", "is_paused": "True"}])
HEAD = 'revision = "0001"\ndown_revision = None\n'
EXTERNAL = append(".env", "PARTNER_API_URL=https://partner.example.com/v1\n")
VOLUME = "    volumes: [redisdata:/data]"
REDIS_PORT = edit("compose.yaml", VOLUME, VOLUME + '\n    ports: ["127.0.0.1:6379:6379"]')
OTEL = edit("compose.yaml", 'MANAGEMENT_ENABLED: "on"', "OTEL_URL: http://otel.example.org:4317")
NO_ROUTE = Machine(closed={("otel.example.org", 4317): "no route to host"})
OLD = Machine(answers={"8081/health": (200, '{"version": "1.2.0", "capabilities": ["lineage"]}')})
NO_IMAGE = Machine(commands={"image inspect": FAILED, "manifest inspect": Ran(1, "", "manifest unknown")})
RECORD = add(".dean/release.json", json.dumps({"files": {"evolution.yaml": "0" * 64}}))

ROWS: list[tuple[str, str, Machine, tuple[Change, ...], str]] = [
    ("M28", "dean_stack", Machine(commands={"volume ls": Ran(0, "dean_pgdata\n", "")}), (), "warning"),
    ("M36", "dean_stack", Machine(ports={8081: "nginx (process 7)"}), (), "error"),
    ("M42", "dean_stack", Machine(hosts={"partner.example.com": []}), (EXTERNAL,), "warning"),
    ("M42", "kafka_java", NO_ROUTE, (OTEL,), "warning"),
    ("M53", "dean_stack", Machine(commands={"docker compose version": FAILED}), (), "warning"),
    ("M56", "profiles", Machine(commands={"docker ps": Ran(0, "app\tother\n", "")}), (), "error"),
    ("M71", "dean_stack", Machine(commands={"docker version": MISSING}), (), "error"),
    ("M72", "dean_stack", Machine(commands={"docker compose version": FAILED, "docker-compose": MISSING}), (), "error"),
    ("M73", "minimal", Machine(free=5 * GB), (), "warning"),
    ("M73", "minimal", Machine(free=15 * GB), (add("dean-deployment.yaml", "required_gb: 20\n"),), "error"),
    ("M74", "dean_stack", Machine(memory_bytes=1 * GB), (), "warning"),
    ("M76", "minimal", Machine(offset=-90.0), (), "warning"),
    ("M80", "airflow_standalone_build", Machine(commands={"dags list": Ran(0, PAUSED, "")}), (), "error"),
    ("M82", "dean_stack", OLD, (), "error"),
    ("M87", "minimal", Machine(free_inodes=50), (), "warning"),
    ("M87", "minimal", Machine(free_inodes=10), (), "error"),
    ("M88", "airflow_celery", Machine(cpu_count=1), (), "error"),
    ("M89", "dean_stack", Machine(), (RECORD,), "warning"),
    ("M90", "minimal", NO_IMAGE, (), "error"),
    ("M91", "production_tls", Machine(hosts={"dean.example.com": ["198.51.100.7"]}), (), "warning"),
    ("M92", "dean_stack", Machine(answers={"partner": (503, "")}), (EXTERNAL,), "error"),
    ("M93", "dean_stack", Machine(rows={"refuse": []}), (), "error"),
    ("M93", "dean_stack", Machine(logins={6379: "WRONGPASS"}), (REDIS_PORT,), "error"),
    ("M94", "dean_stack", Machine(rows={"server_version_num": [(120011,)]}), (), "error"),
    ("M95", "dean_stack", Machine(rows={"has_schema_privilege": [(True, True, False)]}), (), "error"),
    ("M96", "dean_stack", Machine(rows={"alembic_version": []}), (add("db/versions/a.py", HEAD),), "warning"),
    ("M96", "dean_stack", Machine(rows={"alembic_version": [("9999",)]}), (add("db/versions/a.py", HEAD),), "error"),
    ("M97", "airflow_celery", Machine(commands={"pools list": Ran(0, '[{"pool": "default_pool"}]', "")}), (), "error"),
    ("M98", "airflow_celery", Machine(commands={"airflow plugins": Ran(0, "[]", "")}), (), "error"),
    ("M99", "dean_stack", Machine(answers={"8083/openapi.json": (200, '{"paths": {}}')}), (), "error"),
]  # fmt: skip


def probed(root: Path, machine: Any, only: str | None = None) -> ValidationResult:
    checks = [check for check in shipped_checks() if check.probe and only in (None, check.id)]
    return DeploymentValidator(root, probes=machine, checks=checks, shell={}).validate()


@pytest.mark.parametrize(("row", "base", "machine", "changes", "severity"), ROWS)
def test_a_row_of_the_machine(
    tmp_path: Path, row: str, base: str, machine: Machine, changes: tuple[Change, ...], severity: str
) -> None:
    files = dict(files_of(base))
    for change in changes:
        change(files)

    result = probed(write(tmp_path / "dean", files), machine, row)

    assert {f.severity for f in result.findings if f.id == row} == {severity}


@pytest.mark.parametrize("base", ["dean_stack", "monitoring", "production_tls", "profiles"])
def test_a_healthy_machine_has_no_findings(tmp_path: Path, base: str) -> None:
    machine = Machine(commands={"docker ps": Ran(0, "", ""), "volume ls": Ran(0, "", "")}, hosts={}, closed={})
    machine.answers = {"/health": (503, "no json"), "/openapi.json": (200, "no json")}

    result = probed(build(tmp_path / base, base), machine)

    assert [f"{f.id} {f.place} {f.what}" for f in result.findings] == []


class Nothing:
    """A machine of which nothing can be asked."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*words: object, **more: object) -> Any:
            raise NotChecked(f"{name} is not possible here")

        return refuse


def test_what_cannot_be_asked_is_not_checked_and_never_passed(tmp_path: Path) -> None:
    result = probed(build(tmp_path / "dean", "dean_stack"), Nothing())

    passed = {each.name for each in result.checks.values() if each.status == "passed"}
    assert result.findings == ()
    nothing_to_ask = {"compose_file_valid", "services_defined", "dag_paused", "public_host", "migrations_pending"}
    nothing_to_ask |= {"airflow_has_values", "pool_exists", "upstream_answers", "container_runs", "host_unreachable"}
    assert passed <= nothing_to_ask
    assert all("possible" in c.message or c.message for c in result.not_checked)


def test_without_probes_nothing_is_asked(tmp_path: Path) -> None:
    class Explodes:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    root = build(tmp_path / "minimal", "minimal")
    result = DeploymentValidator(root, probes=Explodes(), with_probes=False, shell={}).validate()  # type: ignore[arg-type]

    assert result["checks"]["docker_available"]["status"] == "not checked"
    assert result["checks"]["docker_available"]["passed"] is None


def test_a_hung_probe_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dean_airflow.deployment.running.PROBE_SECONDS", 0.2)
    released = threading.Event()

    class Hangs(Machine):
        def space(self, path: Path) -> Any:
            released.wait(30)

    result = probed(build(tmp_path / "minimal", "minimal"), Hangs(offset=-90.0))
    released.set()

    assert result.checks["disk_space"].status == "not checked"
    assert [f.id for f in result.findings] == ["M76"]
