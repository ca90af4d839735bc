"""What the validator answers: shapes, severities, ignores, repairs, reports."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dean_airflow.deployment.checks.registry import Check, Hit, shipped_checks
from dean_airflow.deployment.report import as_json, as_junit, as_text
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.errors import DeploymentError

from ...deployments.build import build, files_of, write
from ...deployments.defect import edit
from .conftest import COMPLETE, Validate
from .machine import GB, MISSING, Machine

Make = Callable[[dict[str, str]], Path]
LOOSE = "services:\n" + "".join(f"  s{n}:\n    image: acme/s{n}\n{COMPLETE}" for n in range(6))


def test_docker_available() -> None:
    assert DeploymentValidator(probes=Machine()).check_docker_available() == {"available": True, "version": "27.3.1"}


@pytest.mark.parametrize("ran", [MISSING, replace(MISSING, code=1, error="Cannot connect to the Docker daemon")])
def test_docker_not_available(ran: object) -> None:
    answer = DeploymentValidator(probes=Machine(commands={"docker": ran})).check_docker_available()  # type: ignore[dict-item]

    assert answer["available"] is False
    assert answer["error"]


def test_a_port_that_listens_is_in_use_and_a_free_one_is_not() -> None:
    with socket.socket() as taken, socket.socket() as other:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other.bind(("127.0.0.1", 0))
        used, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        answer = DeploymentValidator().check_ports_available([used, free])

    assert answer[used]["available"] is False
    assert "in use" in answer[used]["status"]
    assert answer[free] == {"available": True, "status": "available"}


def test_the_ports_asked_of_by_default(tmp_path: Path) -> None:
    published = DeploymentValidator(build(tmp_path / "dean", "dean_stack"), probes=Machine(), shell={})
    none = DeploymentValidator(tmp_path, probes=Machine())

    assert list(published.check_ports_available()) == [5432, 8081, 8083, 3000]
    assert list(none.check_ports_available()) == [8080, 8081, 8082, 8083, 5432, 6379]


def test_disk_space() -> None:
    little = DeploymentValidator(probes=Machine(free=5 * GB)).check_disk_space(required_gb=8)
    enough = DeploymentValidator(probes=Machine()).check_disk_space(required_gb=8, path="/")

    assert {name: little[name] for name in ("available_gb", "required_gb", "sufficient")} == {
        "available_gb": 5.0,
        "required_gb": 8,
        "sufficient": False,
    }
    assert "10 GB" not in little["warning"] and "20 to 100 GB" in little["warning"]
    assert (enough["sufficient"], "warning" in enough) == (True, False)


def test_the_result_names_its_checks(validate: Validate, tmp_path: Path) -> None:
    result = validate(build(tmp_path / "dean", "dean_stack"))

    assert {"docker_available", "compose_file_valid", "services_defined"} <= set(result["checks"])
    for check in result["checks"].values():
        assert check["severity"] in ("error", "warning", "info")
        assert check["message"]
        assert "fix" in check
    assert result["valid"] is True


def test_no_services_is_said(validate: Validate, deployment: Make) -> None:
    result = validate(deployment({"compose.yaml": "services: [\n"}))

    assert result.checks["compose_file_valid"].status == "failed"
    assert result.checks["services_defined"].status == "failed"


def test_a_failing_check_hides_no_other(deployment: Make) -> None:
    def explodes(deployment: object) -> Iterator[Hit]:
        raise RuntimeError("no")
        yield

    root = deployment({"compose.yaml": LOOSE})
    checks = [Check("X1", "error", "Explodes", "", "", explodes), *shipped_checks()]
    result = DeploymentValidator(root, checks=checks, with_probes=False, shell={}).validate()

    assert result.checks["explodes"].status == "not checked"
    assert {f.id for f in result.findings} == {"M50"}


def test_warnings_alone_do_not_block_and_many_are_not_recommended(validate: Validate, deployment: Make) -> None:
    many = validate(deployment({"compose.yaml": LOOSE}))
    few = validate(deployment({"compose.yaml": LOOSE.split("  s5:")[0]}))

    assert many.valid
    assert many.summary.startswith("Valid, but not recommended: 0 errors, 6 warnings; ")
    assert few.valid and "not recommended" not in few.summary


NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("{id: M50, reason: The tag moves on purpose., until: 2026-06-01}", []),
        ("{id: M50, file: compose.yaml, line: 3, reason: x, until: 2026-12-31}", []),
        ("{id: M50, file: other.yaml, reason: x, until: 2026-12-31}", ["M50"]),
        ("{id: M51, reason: x, until: 2026-12-31}", ["M50"]),
        ("{id: M50, reason: x, until: 2026-05-31}", ["M50"]),
        ("{id: M50, reason: x}", ["M44", "M50"]),
        ("{id: M50, until: 2026-12-31}", ["M44", "M50"]),
        ("{id: M50, reason: x, until: soon}", ["M44", "M50"]),
    ],
)
def test_ignores_need_a_reason_and_an_end(validate: Validate, deployment: Make, entry: str, left: list[str]) -> None:
    one = "services:\n  a:\n    image: acme/a\n" + COMPLETE
    root = deployment({"compose.yaml": one, "dean-deployment.yaml": f"ignores:\n  - {entry}\n"})

    result = validate(root, now=NOW)

    assert [f.id for f in result.findings] == left
    assert len(result.ignored) == (0 if left else 1)


def test_repairs_what_is_safe_and_shows_it(tmp_path: Path) -> None:
    files = dict(files_of("processes"))
    compose = "\ufeffservices:\n  a:\n    image: acme/a:1\n" + COMPLETE
    files["compose.yaml"] = replace(files["Procfile"], name="compose.yaml", text=compose)
    script = files["bin/rollback.sh"]
    files["bin/rollback.sh"] = replace(script, text=script.text.replace("\n", "\r\n"))
    files[".env"] = replace(files[".env"], mode=0o644)
    del files["logs/.keep"]
    root = write(tmp_path / "p", files)
    validator = DeploymentValidator(root, with_probes=False, shell={})

    before = {f.id for f in validator.validate().findings}
    result = validator.validate(fix=True)

    assert before == {"M01", "M03", "M16", "M77"}
    assert result.findings == ()
    assert [(c.check, c.file) for c in result.changes] == [
        ("M01", "compose.yaml"),
        ("M03", "bin/rollback.sh"),
        ("M77", "logs"),
        ("M16", ".env"),
    ]
    assert "<BOM>services" in result.changes[0].diff
    assert (root / "bin" / "rollback.sh").stat().st_mode & 0o777 == 0o755
    assert validator.validate(fix=True).changes == ()


def test_repairing_never_makes_up_a_secret_or_shows_one(tmp_path: Path) -> None:
    files = dict(files_of("dean_stack"))
    secret = files[".env"].text.split("POSTGRES_PASSWORD=")[1].split("\n")[0]
    edit(".env", "JWT_SECRET_KEY=", "#JWT_SECRET_KEY=")(files)
    files[".env"] = replace(files[".env"], text=files[".env"].text.replace("\n", "\r\n"))
    result = DeploymentValidator(write(tmp_path / "d", files), with_probes=False, shell={}).validate(fix=True)

    assert [f.id for f in result.findings] == ["M11"]
    assert secret not in str(result.as_json())


@pytest.mark.parametrize("form", [as_text, as_json, as_junit])
def test_no_report_holds_a_secret(validate: Validate, tmp_path: Path, form: Callable[..., str]) -> None:
    files = dict(files_of("dean_stack"))
    weak = "kT9#x@/q:7%Zw"
    signing = edit(".env", "JWT_SECRET_KEY=@secret:72:3@", f"JWT_SECRET_KEY={weak}")
    for change in (edit(".env", "@secret:40:1@", weak), edit(".env", "@secret:40:2@", weak), signing):
        change(files)
    result = validate(write(tmp_path / "d", files), environment="production")

    assert {"M14", "M17", "M25"} <= {f.id for f in result.findings}
    for part in (weak, weak[:6], weak[-6:]):
        assert part not in form(result)


def test_the_reports(validate: Validate, deployment: Make) -> None:
    text = "services:\n  a:\n    image: acme/a\n    depends_on: [b]\n" + COMPLETE
    result = validate(deployment({"compose.yaml": text}))

    suite = ElementTree.fromstring(as_junit(result).split("\n", 1)[1])
    parsed = json.loads(as_json(result))
    assert "error   M45  compose.yaml:4  a depends on b, which is no service." in as_text(result)
    assert [(f["id"], f["line"]) for f in parsed["findings"]] == [("M45", 4), ("M50", 3)]
    assert (suite.get("failures"), int(suite.get("tests", 0))) == ("1", len(result.checks) - 2)
    assert parsed["environment_from"] == "by default"


def test_the_environment_is_the_callers_then_the_files(deployment: Make) -> None:
    root = deployment({"compose.yaml": LOOSE, "dean-deployment.yaml": "environment: staging\n"})

    assert DeploymentValidator(root, shell={}).read().environment == "staging"
    assert DeploymentValidator(root, environment="production", shell={}).read().environment == "production"
    with pytest.raises(DeploymentError, match="must be one of local, staging, production"):
        DeploymentValidator(root, environment="prod", shell={}).read()
