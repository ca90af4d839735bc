"""Where a stage works: the target fetched by commit into a scratch directory that goes with the stage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from upath import UPath

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.edit import Genome
from dean_airflow.evolution.edits.source import EditSource
from dean_airflow.evolution.edits.sources import edit_sources
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.command_pairs import CommandPairs
from dean_airflow.evolution.judge.confirm import LONG_RUN, PAIRS_EACH, PAIRS_EACH_OF_LONG_RUNS
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.fresh_pairs import FreshPairs
from dean_airflow.evolution.judge.pairs import Pairs
from dean_airflow.evolution.judge.warm_pairs import WarmPairs
from dean_airflow.evolution.judge.worker import Workshop
from dean_airflow.evolution.sandbox.index import index_access
from dean_airflow.evolution.sandbox.jail import Limits
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.target.detect import apply_settings, detect
from dean_airflow.evolution.target.environment import build_environment
from dean_airflow.evolution.target.fetch import fetch
from dean_airflow.evolution.target.target import Checkout, Target, TargetSettings
from dean_airflow.evolution.target.workspaces import workspace
from dean_airflow.evolution.trial_config import TrialConfig

CONFIRMING_SECONDS = 0.01
CONFIRMING_SECONDS_OF_TESTS = 0.1
"""A measurement of a confirmation is repeated until it is this long: the judge's clock sees the messages, too, and
around tests what pytest does for each."""


@dataclass(frozen=True)
class Workplace:
    """A checked-out, installed target with everything that judges it."""

    config: TrialConfig
    target: Target
    settings: TargetSettings
    checkout: Checkout
    workshop: Workshop

    @cached_property
    def tree(self) -> dict[str, str]:
        """The files that may change, as they are."""
        return {path: (self.checkout.project / path).read_bytes().decode() for path in self.settings.files}

    @cached_property
    def costing(self) -> Costing:
        return Costing({str(name): weight for name, weight in self.config.objectives.items()}, self.tree)

    @cached_property
    def sources(self) -> list[EditSource]:
        return edit_sources(self.config.edit_sources)

    def apply(self, genome: Genome) -> dict[str, str]:
        """The files a genome changes. Raises EditError."""
        return apply_genome(genome, self.tree, self.sources)

    def screening_pairs(self, baseline: Baseline, order: Mapping[str, Any], core: int | None, hash_seed: int) -> Pairs:
        """Pairs to judge candidates by: warm where the target allows it."""
        kind = WarmPairs if baseline.mode == "warm" else FreshPairs
        return self._pairs(kind, order, core, baseline.repeats, baseline, hash_seed)

    def fresh_pairs(self, baseline: Baseline, order: Mapping[str, Any], core: int | None, hash_seed: int) -> Pairs:
        """Pairs of new processes, with measurements long enough for the judge's own clock."""
        return self._pairs(FreshPairs, order, core, _confirming_repeats(baseline, order), baseline, hash_seed)

    def confirming_pairs(self, baseline: Baseline, order: Mapping[str, Any]) -> int:
        """How many pairs of one process pair a confirmation takes."""
        seconds = baseline.seconds * _confirming_repeats(baseline, order)
        return PAIRS_EACH_OF_LONG_RUNS if seconds >= LONG_RUN else PAIRS_EACH

    def _pairs(
        self, kind: Any, order: Mapping[str, Any], core: int | None, repeats: int, baseline: Baseline, hash_seed: int
    ) -> Pairs:
        limit = max(1.0, 10 * baseline.seconds * repeats)
        if order["kind"] == "command":
            kind = CommandPairs
        pairs: Pairs = kind(self.workshop, dict(order), core, repeats, limit, hash_seed)
        return pairs


def _confirming_repeats(baseline: Baseline, order: Mapping[str, Any]) -> int:
    long_enough = CONFIRMING_SECONDS_OF_TESTS if order["kind"] == "tests" else CONFIRMING_SECONDS
    return max(baseline.repeats, int(long_enough / max(baseline.seconds, 1e-7)))


@contextmanager
def workplace(trial_id: str, engine: Engine) -> Iterator[Workplace]:
    """The workplace of an opened trial; nothing of it is left afterwards."""
    opened = engine.store.documents.get(trial_id, "opened")
    config = TrialConfig(**opened["config"])
    target = target_from_json(opened["target"])
    with scratch(engine, trial_id) as room:
        bundle = bundle_of(trial_id, engine, room)
        checkout = fetch(target, room / "target", engine.settings.cache_dir, bundle, engine.credentials)
        settings = TargetSettings.from_json(opened["settings"])
        yield furnish(config, target, settings, checkout, room, engine)


@contextmanager
def scratch(engine: Engine, trial_id: str) -> Iterator[Path]:
    """A directory for one stage of a trial. Raises TargetError if the disk, or their number, does not allow it."""
    with workspace(engine.settings.scratch_dir, workspace_name(trial_id)) as room:
        yield room


def workspace_name(trial_id: str) -> str:
    """What the workspaces of a trial's stages are called after."""
    return trial_id.removeprefix("trial-")


def furnish(
    config: TrialConfig, target: Target, settings: TargetSettings, checkout: Checkout, room: Path, engine: Engine
) -> Workplace:
    """Installs the target (or finds it installed) and puts the generated files beside its sources."""
    sandbox = choose_sandbox(config.sandbox)
    limits = engine.settings
    environment = build_environment(
        checkout,
        settings,
        sandbox,
        limits.cache_dir,
        index_access(limits.index_url, limits.index_hosts) if settings.install else None,
        limits.index_url,
    )
    if environment.overlay:
        shutil.copytree(environment.overlay, checkout.project, dirs_exist_ok=True, symlinks=True)
    workers = room / "workers"
    workers.mkdir(exist_ok=True)
    workshop = Workshop(
        sandbox,
        environment,
        checkout.project,
        settings.source_roots,
        workers,
        Limits(
            cpu_seconds=int(config.max_runtime_minutes * 120) + 600,
            memory_mb=limits.trial_memory_mb,
            processes=limits.trial_processes,
            disk_mb=limits.trial_disk_mb,
        ),
    )
    return Workplace(config, target, settings, checkout, workshop)


def detected(config: TrialConfig, checkout: Checkout) -> tuple[TrialConfig, TargetSettings]:
    """The target's settings, and the config with what the target's own file asks for."""
    settings = detect(checkout, config)
    return apply_settings(config, settings), settings


def bundle_of(trial_id: str, engine: Engine, room: Path) -> Path | None:
    """A local copy of the snapshot's bundle among the artefacts, for a target that is a plain folder."""
    kept: UPath = engine.artifacts(trial_id) / "target.bundle"
    if not kept.exists():
        return None
    local = room / "target.bundle"
    local.write_bytes(kept.read_bytes())
    return local


def target_to_json(target: Target) -> dict[str, Any]:
    return asdict(target)


def target_from_json(data: Mapping[str, Any]) -> Target:
    return Target(**{**data, "notes": tuple(data["notes"])})
