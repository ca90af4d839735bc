"""What every stage of a trial works with: settings, store, credentials, and who hears of progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from upath import UPath

from dean_airflow.config import Settings
from dean_airflow.errors import TrialCancelled
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.store.store import Store
from dean_airflow.store.trials import Trial


@dataclass(frozen=True)
class Engine:
    """The embedded engine. Close it, or use it in a `with`."""

    settings: Settings
    store: Store
    progress: Callable[[str], object] = field(default=lambda line: None)
    """Hears one sentence for each thing worth knowing while a trial runs."""
    credentials: GitCredentials | None = None
    """For cloning from and pushing to a remote."""
    execution: str = ""
    """Names the attempt that works here (such as an Airflow task and its try); empty: a new one each time."""

    def artifacts(self, trial_id: str) -> UPath:
        """The trial's folder of artefacts, made if absent."""
        folder = UPath(self.settings.artifacts) / trial_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def take_up(self, trial_id: str) -> Trial:
        """The trial, for this attempt: one that was stopped goes on. Raises TrialCancelled if it stays stopped."""
        trial = self.store.trials.reopen(trial_id, execution=self.execution)
        if trial.status in ("failed", "cancelled"):
            raise TrialCancelled(f"Trial {trial_id} is {trial.status}; clear or start it again to go on.")
        if trial.status == "initializing" and self.store.documents.get(trial_id, "opened") is not None:
            return self.store.trials.transition(trial_id, "running")
        return trial

    def guard(self, trial_id: str, stop: Callable[[], bool]) -> Callable[[], None]:
        """A function to call between steps: raises TrialCancelled once the trial is to be stopped."""

        def keep_going() -> None:
            if stop() or self.store.trials.get(trial_id).status in ("failed", "cancelled"):
                raise TrialCancelled(f"Trial {trial_id} was stopped.")

        return keep_going

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *unused: object) -> None:
        self.store.close()


def open_engine(
    settings: Settings,
    progress: Callable[[str], object] = lambda line: None,
    credentials: GitCredentials | None = None,
    execution: str = "",
) -> Engine:
    """The engine on an installation's settings. Raises StoreError."""
    return Engine(settings, Store.open(settings.store), progress, credentials, execution)
