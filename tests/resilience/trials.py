"""Trials on a small real target whose cost is counted, not measured: their seed then decides what they do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.config import Settings, load_settings
from dean_airflow.evolution.engine import Engine, open_engine
from dean_airflow.evolution.stages.open_trial import open_trial
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.workshops import write

TARGET = {
    "pyproject.toml": '[tool.dean]\ninstall = []\ntests = "tests"\nbenchmark = "words:run"\n',
    "words.py": """
        def distinct(lines):
            seen = set([line.strip() for line in lines])
            return list(sorted(seen))


        def lengths(lines):
            table = dict([(line, len(line)) for line in lines])
            return [table[line] for line in table.keys()]


        def is_long(line):
            if len(line) > 5:
                return True
            else:
                return False


        def shout(lines):
            loud = list()
            for line in lines:
                if is_long(line) == True:
                    loud.append(line.upper())
            return tuple([line for line in loud])


        def run(seed):
            lines = ["word %d " % (seed * number % 97) for number in range(300)]
            return distinct(lines), lengths(lines), shout(lines)
    """,
    "tests/test_words.py": """
        from words import distinct, lengths, shout


        def test_words():
            assert distinct(["b ", "a", "b"]) == ["a", "b"]
            assert lengths(["a", "bcd"]) == [1, 3]
            assert shout(["short", "longer"]) == ("LONGER",)
    """,
}
TRIAL = "trial-0123456789ab"
PARAMS: dict[str, Any] = {
    "objectives": {"size": 1.0},
    "max_evaluations": 40,
    "population_size": 8,
    "generations": 10,
    "fitness_threshold": 1.0,
    "max_runtime_minutes": 60,
    "edit_sources": ["catalogue", "ruff"],
    "seed": 5,
    "islands": 1,
}


@dataclass(frozen=True)
class Home:
    """The directories of one installation."""

    folder: Path
    cache: Path

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def settings(self) -> Settings:
        return load_settings(
            {
                "AIRFLOW__DEAN__DATA_DIR": str(self.folder / "data"),
                "AIRFLOW__DEAN__CACHE_DIR": str(self.cache),
                "AIRFLOW__DEAN__SCRATCH_DIR": str(self.scratch),
            }
        )

    def engine(self, progress: Callable[[str], object] = lambda line: None, execution: str = "") -> Engine:
        return open_engine(self.settings, progress, execution=execution)

    def copy(self, folder: Path) -> Home:
        """Another installation in the same state; what is built once for all is shared."""
        shutil.copytree(self.folder / "data", folder / "data")
        return Home(folder, self.cache)


def open_small_trial(home: Home, **params: Any) -> None:
    """A trial of the example, opened: everything but its island is done."""
    repository = home.folder / "words"
    write(repository, TARGET)
    with home.engine() as engine:
        open_trial(TRIAL, TrialConfig.build({"repository": str(repository), **PARAMS, **params}), engine)


def state(home: Home) -> dict[str, Any]:
    """What an island has come to, without how long anything took."""
    with home.engine() as engine:
        result = engine.store.documents.get(TRIAL, "island-0")
        return {
            "evaluations": [
                (
                    one.sequence,
                    one.generation,
                    one.evaluation.key,
                    one.evaluation.genome,
                    one.evaluation.verdict,
                    one.evaluation.fitness,
                    one.evaluation.cost,
                    one.evaluation.reason,
                )
                for one in engine.store.evaluations.for_island(TRIAL, 0)
            ],
            "result": None if result is None else {name: result[name] for name in result if name != "seconds"},
            "generations": [row.data for row in engine.store.events.since(TRIAL) if row.kind == "generation"],
        }
