"""What a validation came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dean_airflow.deployment.finding import Finding, Severity

SUMMED = frozenset({"compose_file_valid", "services_defined"})
"""Names of checks that sum up what others found."""

TOO_MANY_WARNINGS = 5
"""With more warnings than these a deployment is allowed, and not recommended."""

Status = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class CheckResult:
    """How one check ended. `severity` is its findings' worst, `info` without any; `message` says it in words."""

    name: str
    id: str
    status: Status
    severity: Severity
    message: str
    fix: str
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "passed": None if self.status == "not checked" else self.status == "passed",
            "severity": self.severity,
            "message": self.message,
            "fix": self.fix,
        }


@dataclass(frozen=True)
class Ignored:
    """A finding that an entry of `ignores` takes out, and why."""

    finding: Finding
    reason: str
    until: str


@dataclass(frozen=True)
class ValidationResult:
    """`findings` are those that count, worst first; `checks` by name; `environment_from` says who chose it."""

    directory: str
    environment: str
    environment_from: str
    checks: dict[str, CheckResult]
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...] = ()
    changes: tuple[Any, ...] = field(default=())

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def not_checked(self) -> tuple[CheckResult, ...]:
        return tuple(each for each in self.checks.values() if each.status == "not checked")

    @property
    def valid(self) -> bool:
        """Whether it may be deployed: errors block, warnings alone do not."""
        return not self.errors

    @property
    def summary(self) -> str:
        """One sentence."""
        counts = f"{_count(len(self.errors), 'error')}, {_count(len(self.warnings), 'warning')}"
        left = f"; {len(self.not_checked)} checks could not be made" if self.not_checked else ""
        if not self.valid:
            return f"Not valid: {counts}{left}."
        if len(self.warnings) > TOO_MANY_WARNINGS:
            return f"Valid, but not recommended: {counts}{left}."
        return f"Valid: {counts}{left}."

    def as_json(self) -> dict[str, Any]:
        """JSON-able; holds no secret."""
        return {
            "directory": self.directory,
            "environment": self.environment,
            "environment_from": self.environment_from,
            "valid": self.valid,
            "summary": self.summary,
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "findings": [finding.as_json() for finding in self.findings],
            "ignored": [{**i.finding.as_json(), "reason": i.reason, "until": i.until} for i in self.ignored],
            "not_checked": [{"name": c.name, "id": c.id, "reason": c.message} for c in self.not_checked],
            "checks": {name: each.as_json() for name, each in self.checks.items()},
            "changes": [change.as_json() for change in self.changes],
        }

    def __getitem__(self, name: str) -> Any:
        """A part of the JSON form: `result["valid"]`, `result["checks"]["compose_file_valid"]`."""
        return self.as_json()[name]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
