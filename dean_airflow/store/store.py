"""The store: one open database and what is kept in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType

from dean_airflow.store.agents import Agents
from dean_airflow.store.alert_notices import Notices
from dean_airflow.store.alert_rules import AlertRules
from dean_airflow.store.alerts import Alerts
from dean_airflow.store.api_keys import ApiKeys
from dean_airflow.store.audit import AuditLog
from dean_airflow.store.cache_versions import CacheVersions
from dean_airflow.store.candidates import Candidates
from dean_airflow.store.champions import Champions
from dean_airflow.store.changes import Changes
from dean_airflow.store.circuits import Circuits
from dean_airflow.store.database import Database
from dean_airflow.store.deployment_locks import DeploymentLocks
from dean_airflow.store.deployment_pages import DeploymentPages
from dean_airflow.store.deployment_steps import DeploymentSteps
from dean_airflow.store.deployments import Deployments
from dean_airflow.store.discoveries import Discoveries
from dean_airflow.store.documents import Documents
from dean_airflow.store.evaluations import Evaluations
from dean_airflow.store.events import Events
from dean_airflow.store.ids import trial_id_of_run
from dean_airflow.store.leases import Leases
from dean_airflow.store.migrants import Migrants
from dean_airflow.store.migrate import bring_up_to_date
from dean_airflow.store.patterns import Patterns
from dean_airflow.store.releases import Releases
from dean_airflow.store.requests import Requests
from dean_airflow.store.sagas import Sagas
from dean_airflow.store.sample_keeping import SampleKeeping
from dean_airflow.store.samples import Samples
from dean_airflow.store.series import SeriesCatalogue
from dean_airflow.store.served import ServedTrials
from dean_airflow.store.service_patterns import ServicePatterns
from dean_airflow.store.silences import Silences
from dean_airflow.store.trial_pages import TrialPages
from dean_airflow.store.trials import Trials
from dean_airflow.store.validations import Validations

PATIENCE = 60.0
"""Seconds for which a lost server or a lock is waited for: a database restart takes less."""
OPENING_PATIENCE = 10.0
"""The same while opening, when nothing can be lost yet and the user waits."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Usable from several threads, and in a child after fork. Every method of its parts may raise StoreError."""

    def __init__(self, database: Database, store_id: str, now: Callable[[], datetime]) -> None:
        self.database = database
        self.id = store_id
        self.now = now
        self.trials = Trials(database, now)
        self.leases = Leases(database, now)
        self.evaluations = Evaluations(database, now)
        self.trial_pages = TrialPages(database)
        self.candidates = Candidates(database)
        self.migrants = Migrants(database)
        self.champions = Champions(database, now)
        self.patterns = Patterns(database, now)
        self.events = Events(database, now)
        self.documents = Documents(database, now)
        self.circuits = Circuits(database, now)
        self.sagas = Sagas(database, now)
        self.service_patterns = ServicePatterns(database, now)
        self.cache_versions = CacheVersions(database, now)
        self.series = SeriesCatalogue(database, now)
        self.samples = Samples(database)
        self.sample_keeping = SampleKeeping(database, self.series)
        self.api_keys = ApiKeys(database, now)
        self.audit = AuditLog(database, now)
        self.requests = Requests(database, now)
        self.served = ServedTrials(database, now)
        self.discoveries = Discoveries(database)
        self.alerts = Alerts(database, now)
        self.notices = Notices(database, now)
        self.silences = Silences(database, now)
        self.alert_rules = AlertRules(database, now)
        self.agents = Agents(database, now)
        self.deployments = Deployments(database, now)
        self.deployment_pages = DeploymentPages(database)
        self.deployment_steps = DeploymentSteps(database, now)
        self.deployment_locks = DeploymentLocks(database, now)
        self.releases = Releases(database, now)
        self.validations = Validations(database, now)
        self.changes = Changes(database)

    @classmethod
    def open(cls, url: str, *, now: Callable[[], datetime] = utc_now, patience: float = PATIENCE) -> Store:
        """The store at a SQLAlchemy URL (sqlite or postgresql), made or migrated first where needed.

        `now` gives the time, aware; `patience` is for how many seconds transient faults are retried. Raises
        StoreError: the URL is wrong, its driver is missing, the database is unreachable, read-only, full, no
        database, or written by a newer version of the package.
        """
        database = Database(url, min(patience, OPENING_PATIENCE))
        try:
            store_id = bring_up_to_date(database, now())
        except BaseException:
            database.close()
            raise
        database.patience = patience
        return cls(database, store_id, now)

    def trial_id_of_run(self, dag_id: str, run_id: str) -> str:
        """The id of the trial this DAG run starts, the same for all of its tasks and attempts."""
        return trial_id_of_run(self.id, dag_id, run_id)

    def close(self) -> None:
        """Closes the connections; the store opens new ones if it is used again."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
