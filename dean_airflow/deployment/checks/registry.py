"""What a check is, and which there are: the shipped ones and those of entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from dean_airflow.deployment.finding import Finding, NotChecked, Severity
from dean_airflow.deployment.place import Place
from dean_airflow.errors import DeploymentError

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment
    from dean_airflow.deployment.probes.probes import Probes

__all__ = ["Check", "Hit", "NotChecked", "all_checks", "check", "probe", "shipped_checks"]
ENTRY_POINTS = "dean_airflow.deployment_checks"
FAMILIES = (
    "files",
    "env_files",
    "values",
    "secrets",
    "rotation",
    "databases",
    "database_urls",
    "init_scripts",
    "schemas",
    "hosts",
    "pools",
    "ports",
    "networks",
    "shape",
    "services",
    "images",
    "paths",
    "scripts",
    "certificates",
    "proxies",
    "runtime",
    "airflow",
    "dean",
    "releases",
    "host_probes",
    "service_probes",
    "database_probes",
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One defect a check came across. `severity` where the row leaves it to the case; `also` its other sides."""

    place: Place
    what: str
    severity: Severity | None = None
    also: tuple[Place, ...] = ()


StaticCheck = Callable[["Deployment"], Iterable[Hit]]
ProbeCheck = Callable[["Deployment", "Probes"], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Check:
    """`id` of its row, `title` what is wrong when it hits, `why` the consequence, `fix` what to do.

    `probe`: it asks the machine, and gets the probes as a second argument. Several checks may share an id, such as the
    static and the probing half of a row.
    """

    id: str
    severity: Severity
    title: str
    why: str
    fix: str
    run: Callable[..., Iterable[Hit]]
    probe: bool = False

    @property
    def name(self) -> str:
        """A name for reports: the function's."""
        return self.run.__name__

    def finding(self, hit: Hit) -> Finding:
        return Finding(self.id, hit.severity or self.severity, hit.place, hit.what, self.why, self.fix, hit.also)


_CHECKS: list[Check] = []


def check(id: str, severity: Severity, title: str, *, why: str, fix: str) -> Callable[[StaticCheck], StaticCheck]:
    """Registers a function of a deployment as the check of a row."""

    def register(function: StaticCheck) -> StaticCheck:
        _CHECKS.append(Check(id, severity, title, why, fix, function))
        return function

    return register


def probe(id: str, severity: Severity, title: str, *, why: str, fix: str) -> Callable[[ProbeCheck], ProbeCheck]:
    """Registers a function of a deployment and the probes; it may raise NotChecked."""

    def register(function: ProbeCheck) -> ProbeCheck:
        _CHECKS.append(Check(id, severity, title, why, fix, function, probe=True))
        return function

    return register


@cache
def shipped_checks() -> tuple[Check, ...]:
    """Every check of this package, by id."""
    for family in FAMILIES:
        import_module(f"dean_airflow.deployment.checks.{family}")
    return tuple(sorted(_CHECKS, key=lambda each: (each.id, each.probe)))


def all_checks() -> list[Check]:
    """The shipped checks, then those that installed packages add.

    An entry point of the group `dean_airflow.deployment_checks` names a Check or a list of them. Raises DeploymentError
    for one that cannot be loaded or is something else.
    """
    return [*shipped_checks(), *_added()]


def _added() -> Iterator[Check]:
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded: Any = entry.load()
        except Exception as error:  # whatever a foreign package does when imported
            raise DeploymentError(f"The checks of the entry point {entry.name} cannot be loaded: {error}.") from None
        for each in loaded if isinstance(loaded, list | tuple) else [loaded]:
            if not isinstance(each, Check):
                raise DeploymentError(f"The entry point {entry.name} must name a Check or a list of them.")
            yield each
