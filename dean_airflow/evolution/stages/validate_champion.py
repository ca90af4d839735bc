"""Proves the minimised champion in a clean checkout: each edit's effect, the whole suite, one last measurement."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dean_airflow.errors import EditError
from dean_airflow.evolution.baseline.measure import suite_arguments
from dean_airflow.evolution.baseline.record import baseline_from_json
from dean_airflow.evolution.behaviour.team import behaviour_check
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.confirm import ALPHA, Confirmation, measure_afresh
from dean_airflow.evolution.judge.core import reserved_core
from dean_airflow.evolution.judge.minimise import LEAST_EFFECT
from dean_airflow.evolution.judge.pairs import CannotOpen, Pairs
from dean_airflow.evolution.judge.test_runner import suite_problem
from dean_airflow.evolution.judge.worker import WorkerDied
from dean_airflow.evolution.search.limits import allowed_time
from dean_airflow.evolution.workplace import Workplace, workplace

EFFECT_PROCESS_PAIRS = 4
MORE_PROCESS_PAIRS = 10
"""A second look with so many where the first left it open whether an edit helps."""
EFFECT_PAIRS_EACH = 20


def validate_champion(trial_id: str, engine: Engine, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """`improved`, and of the champion its `genome`, `measurement`, `effects` (one an edit); kept as a document.

    The last measurement is of exactly what will be published, on processes and inputs that nothing was selected on;
    if the minimised champion does not hold there, the champion as it was confirmed is tried, and if that does not
    hold either, nothing is claimed. Raises TrialCancelled, StoreError, SandboxError, InstallError.
    """
    engine.take_up(trial_id)
    known = engine.store.documents.get(trial_id, "validated")
    if known is not None:
        done: dict[str, Any] = known
        return done
    champion = engine.store.documents.get(trial_id, "champion")
    result: dict[str, Any] = {"improved": False}
    if champion["improved"]:
        with workplace(trial_id, engine) as place, reserved_core(engine.settings.cache_dir) as core:
            opened = engine.store.documents.get(trial_id, "opened")
            result = _Validation(engine, place, opened, core, engine.guard(trial_id, stop)).run(champion)
    engine.store.documents.put(trial_id, "validated", result)
    return result


class _Validation:
    def __init__(
        self,
        engine: Engine,
        place: Workplace,
        opened: dict[str, Any],
        core: int | None,
        keep_going: Callable[[], None],
    ) -> None:
        self.engine, self.place, self.core, self.keep_going = engine, place, core, keep_going
        self.order, self.baseline = opened["order"], baseline_from_json(opened["baseline"])
        self.rng = random.Random(f"{place.config.seed}/validate")

    def run(self, champion: dict[str, Any]) -> dict[str, Any]:
        reason = ""
        for version in ("genome", "full_genome"):
            genome, effects = self._with_effects(_parsed(champion[version]))
            reason = self._problem(genome)
            measurement = None if reason else self._measure(genome)
            if measurement is not None and _holds(measurement):
                self.engine.progress(
                    f"Validated: {measurement.speedup:.3f}× faster, all "
                    f"{len(self.baseline.tests)} tests pass in a clean checkout."
                )
                return {
                    "improved": True,
                    "genome": [str(edit) for edit in genome],
                    "measurement": asdict(measurement),
                    "effects": effects if len(genome) > 1 else [_effect_of(measurement)],
                }
            reason = reason or "its gain was not shown again in the last measurement"
            self.engine.progress(f"The champion of {len(genome)} edits does not hold: {reason}.")
        return {"improved": False, "reason": reason}

    def _with_effects(self, genome: Genome) -> tuple[Genome, list[dict[str, Any] | None]]:
        """Measures each edit on fresh processes against the rest; one that turns out to save nothing is taken out.

        An edit too small to be told from nothing alone stays if its group was shown to help: its interval says so.
        """
        time_left = allowed_time(self.place.config)
        kept = genome
        effects: dict[Edit, dict[str, Any] | None] = {}
        if len(genome) == 1:  # without it the champion is the baseline: the last measurement says it all
            return genome, [None]
        for edit in genome:  # the strongest come first, should time run out
            self.keep_going()
            found = self._effect(edit, kept, EFFECT_PROCESS_PAIRS) if time_left() else None
            if found is not None and found.interval[1] >= 0 and time_left():
                found = self._effect(edit, kept, MORE_PROCESS_PAIRS)
            if found is not None and found.effect > LEAST_EFFECT and len(kept) > 1:
                kept = tuple(one for one in kept if one != edit)
                continue
            effects[edit] = None if found is None else _effect_of(found)
        return kept, [effects[edit] for edit in kept]

    def _effect(self, edit: Edit, genome: Genome, process_pairs: int) -> Confirmation | None:
        """None where the others do not apply without it."""
        try:
            without = self.place.apply(tuple(one for one in genome if one != edit))
            found = measure_afresh(
                self._fresh,
                self.place.apply(genome),
                self.place.costing,
                self.rng,
                against=without,
                process_pairs=process_pairs,
                pairs_each=EFFECT_PAIRS_EACH,
                to_the_end=True,
                keep_going=self.keep_going,
            )
        except (EditError, CannotOpen, WorkerDied):
            return None
        return None if found.problem else found

    def _problem(self, genome: Genome) -> str:
        limit = 60.0 + 10.0 * self.baseline.suite_seconds
        files = self.place.apply(genome)
        arguments = suite_arguments(self.place.settings)
        return self._misbehaviour(genome, files) or suite_problem(
            self.place.workshop, files, arguments, limit, self.baseline.tests
        )

    def _misbehaviour(self, genome: Genome, files: dict[str, str]) -> str:
        """Edits that keep behaviour together need not do so once minimising has taken some of them out."""
        check = behaviour_check(self.place, self.baseline)
        if check is None:
            return ""
        try:
            return check.why_not(genome, files)
        finally:
            check.close()

    def _measure(self, genome: Genome) -> Confirmation | None:
        try:
            return measure_afresh(
                self._fresh,
                self.place.apply(genome),
                self.place.costing,
                self.rng,
                pairs_each=self.place.confirming_pairs(self.baseline, self.order),
                keep_going=self.keep_going,
            )
        except (CannotOpen, WorkerDied):
            return None

    def _fresh(self, hash_seed: int) -> Pairs:
        return self.place.fresh_pairs(self.baseline, self.order, self.core, hash_seed)


def _effect_of(measurement: Confirmation) -> dict[str, Any]:
    return {"effect": measurement.effect, "interval": list(measurement.interval)}


def _holds(measurement: Confirmation) -> bool:
    return measurement.is_gain and measurement.p_value < ALPHA


def _parsed(texts: list[str]) -> Genome:
    return tuple(Edit.parse(text) for text in texts)
