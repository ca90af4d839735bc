"""The validator: runs every check over a deployment and says what came out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dean_airflow.deployment.checks.registry import Check, all_checks
from dean_airflow.deployment.description.addresses import ALL_V4
from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.finding import Finding
from dean_airflow.deployment.fixes import Change, apply_fixes
from dean_airflow.deployment.ignores import apply_ignores
from dean_airflow.deployment.once import once
from dean_airflow.deployment.probes.probes import Probes
from dean_airflow.deployment.probes.system import SystemProbes
from dean_airflow.deployment.result import CheckResult, ValidationResult
from dean_airflow.deployment.running import Outcome, run_checks

DEFAULT_PORTS = (8080, 8081, 8082, 8083, 5432, 6379)
"""Asked of when nothing is configured: Airflow, IndexAgent, DEAN, Evolution, PostgreSQL, Redis."""

RECOMMENDED_GB = (20, 100)
LOW_GB = 10.0
_COMPOSE_CHECKS = frozenset({"M04", "M05", "M08", "M44", "M45", "M54", "M58"})


class DeploymentValidator:
    """Validates a deployment directory.

    :param directory: where the compose file or `dean-deployment.yaml` is.
    :param environment: production, staging or local; by default what `dean-deployment.yaml` says, else local.
    :param probes: what asks the machine; this one by default. None with `with_probes=False` asks nothing.
    :param with_probes: whether probes run at all; without, they are reported as not checked.
    :param checks: the checks to run; by default the shipped ones and those of installed packages.
    :param now: what dates are compared with; by default the clock.
    :param shell: variables of the caller's, of which COMPOSE_FILE alone counts; by default the process's.

    Raises DeploymentError from `validate` where the directory cannot be looked at, or a package's checks not be loaded.
    """

    def __init__(
        self,
        directory: Path | str = ".",
        *,
        environment: str | None = None,
        probes: Probes | None = None,
        with_probes: bool = True,
        checks: Sequence[Check] | None = None,
        now: datetime | None = None,
        shell: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = Path(directory)
        self._environment = environment
        self._probes: Probes = probes if probes is not None else SystemProbes()
        self._with_probes = with_probes
        self._checks = checks
        self._now = now
        self._shell = os.environ if shell is None else shell

    def read(self) -> Deployment:
        """What the directory says now."""
        deployment = read_deployment(self.directory, environment=self._environment, now=self._now, shell=self._shell)
        deployment.tree.read_all()
        return deployment

    def validate(self, *, fix: bool = False) -> ValidationResult:
        """Runs every check. With `fix`, what is safe is repaired first, and the result says what was changed."""
        changes: list[Change] = apply_fixes(self.read()) if fix else []
        deployment = self.read()
        checks = list(all_checks()) if self._checks is None else list(self._checks)
        outcomes = run_checks(deployment, checks, self._probes if self._with_probes else None)
        found = once(deployment, (finding for outcome in outcomes for finding in outcome.findings))
        counted, ignored = apply_ignores(deployment, found)
        return ValidationResult(
            directory=str(deployment.root),
            environment=deployment.environment,
            environment_from=deployment.environment_from,
            checks=_named(deployment, outcomes, counted),
            findings=tuple(counted),
            ignored=tuple(ignored),
            changes=tuple(changes),
        )

    def check_docker_available(self) -> dict[str, Any]:
        """`{available: True, version}` where Docker's daemon answers, else `{available: False, error}`."""
        ran = self._probes.run(["docker", "version", "--format", "{{.Server.Version}}"])
        if ran.ok:
            return {"available": True, "version": ran.output.strip()}
        return {"available": False, "error": ran.error or f"docker ended with {ran.code}"}

    def check_ports_available(self, ports: Iterable[int] | None = None) -> dict[int, dict[str, Any]]:
        """Per port `{available, status}`; by default of the published ports, else of the usual ones."""
        asked = list(ports) if ports is not None else self._published_ports()
        answers: dict[int, dict[str, Any]] = {}
        for port in asked:
            owner = self._probes.port_owner(ALL_V4, port)
            answers[port] = {
                "available": owner is None,
                "status": "available" if owner is None else f"in use by {owner}",
            }
        return answers

    def check_disk_space(self, required_gb: float = LOW_GB, path: Path | str | None = None) -> dict[str, Any]:
        """`available_gb`, `required_gb`, `sufficient`; `warning` under 10 GB: 20 to 100 are advised."""
        free = self._probes.space(Path(path) if path is not None else self.directory).free / 1024**3
        answer: dict[str, Any] = {
            "available_gb": round(free, 2),
            "required_gb": required_gb,
            "sufficient": free >= required_gb,
        }
        if free < LOW_GB:
            advised = f"{RECOMMENDED_GB[0]} to {RECOMMENDED_GB[1]} GB are recommended"
            answer["warning"] = f"{free:.1f} GB are free; {advised}."
        return answer

    def _published_ports(self) -> list[int]:
        from dean_airflow.errors import DeploymentError

        try:
            services = self.read().services.values()
        except DeploymentError:
            return list(DEFAULT_PORTS)
        found = [number for service in services for port in service.ports for number in port.published_numbers]
        return list(dict.fromkeys(found)) or list(DEFAULT_PORTS)


def _named(deployment: Deployment, outcomes: list[Outcome], counted: list[Finding]) -> dict[str, CheckResult]:
    """Every check by name, with the three that sum up the compose file and Docker."""
    kept = {(finding.id, finding.place, finding.what) for finding in counted}
    named: dict[str, CheckResult] = {}
    for outcome in outcomes:
        findings = tuple(f for f in outcome.findings if (f.id, f.place, f.what) in kept)
        result = _result(outcome, findings)
        named["docker_available" if outcome.check.name == "docker_missing" else outcome.check.name] = result
    compose_names = {layer.name for layer in [*deployment.compose.layers, *deployment.compose.included]}
    compose_names |= {deployment.tree.name(path) for path in deployment.compose_files}
    broken = tuple(f for f in counted if f.id in _COMPOSE_CHECKS and f.place.file in compose_names)
    named["compose_file_valid"] = _summed("compose_file_valid", "M44", broken, "The compose files are well formed.")
    count = len(deployment.services)
    if count or not deployment.compose_files:
        words = f"{count} services are defined." if count else "There is no compose file, so no services are expected."
        named["services_defined"] = CheckResult("services_defined", "M44", "passed", "info", words, "")
    else:
        hint = "Define the services, or correct what keeps the file from being read."
        named["services_defined"] = CheckResult(
            "services_defined", "M44", "failed", "error", "No service is defined.", hint, broken
        )
    return named


def _result(outcome: Outcome, findings: tuple[Finding, ...]) -> CheckResult:
    check = outcome.check
    if findings:
        worst = "error" if any(finding.severity == "error" for finding in findings) else "warning"
        message = "; ".join(f"{finding.place}: {finding.what}" for finding in findings)
        return CheckResult(check.name, check.id, "failed", worst, message, check.fix, findings)  # type: ignore[arg-type]
    if outcome.reason:
        return CheckResult(check.name, check.id, "not checked", "info", outcome.reason, check.fix)
    return CheckResult(check.name, check.id, "passed", "info", f"{check.title}: none found.", check.fix)


def _summed(name: str, check_id: str, findings: tuple[Finding, ...], words: str) -> CheckResult:
    if not findings:
        return CheckResult(name, check_id, "passed", "info", words, "")
    message = "; ".join(f"{finding.place}: {finding.what}" for finding in findings)
    return CheckResult(name, check_id, "failed", "error", message, findings[0].fix, findings)
