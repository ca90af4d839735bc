"""Confirms the best candidates on fresh measurements, then takes out of the champion what it does not need."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dean_airflow.evolution.baseline.measure import suite_arguments
from dean_airflow.evolution.baseline.record import baseline_from_json
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.judge.confirm import ALPHA, Confirmation, confirmed, measure_afresh
from dean_airflow.evolution.judge.core import reserved_core
from dean_airflow.evolution.judge.minimise import Minimiser
from dean_airflow.evolution.judge.pairs import CannotOpen, Pairs
from dean_airflow.evolution.judge.test_runner import suite_problem
from dean_airflow.evolution.judge.worker import WorkerDied
from dean_airflow.evolution.search.limits import allowed_time
from dean_airflow.evolution.workplace import Workplace, workplace
from dean_airflow.store.champions import Champion

MOST_CHAMPIONS = 3
MOST_NOMINEES = 8
"""Candidates whose whole suite is run while looking for champions that pass it."""


def confirm_champion(trial_id: str, engine: Engine, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """`improved`, and of the confirmed champion `genome` (minimised) and `confirmation`; kept as a document.

    Candidates that won their screening face the whole suite; up to three that pass it get one confirmation each, the
    fittest first, until one succeeds. Raises TrialCancelled, StoreError, SandboxError, InstallError.
    """
    engine.take_up(trial_id)
    known = engine.store.documents.get(trial_id, "champion")
    if known is not None:
        done: dict[str, Any] = known
        return done
    nominees = _nominees(trial_id, engine)
    result: dict[str, Any] = {"improved": False, "nominated": len(nominees), "confirmations": []}
    if nominees:
        with workplace(trial_id, engine) as place, reserved_core(engine.settings.cache_dir) as core:
            opened = engine.store.documents.get(trial_id, "opened")
            result |= _Confirming(trial_id, engine, place, opened, core, engine.guard(trial_id, stop)).run(nominees)
    engine.store.documents.put(trial_id, "champion", result)
    if not result["improved"]:
        engine.progress(f"Nothing confirmed: {len(nominees)} candidates had won their screening.")
    return result


def _nominees(trial_id: str, engine: Engine) -> list[Champion]:
    """Winners of the screening, fittest first, one of each content."""
    found: dict[str, Champion] = {}
    for island, numbered in engine.store.evaluations.best(trial_id, limit=200):
        evaluation = numbered.evaluation
        if evaluation.verdict == "win" and evaluation.key not in found:
            found[evaluation.key] = Champion(
                trial_id, island, numbered.sequence, numbered.generation, evaluation.genome, evaluation.fitness
            )
    return list(found.values())[:MOST_NOMINEES]


class _Confirming:
    """The work of one call, with what all of its steps need."""

    def __init__(
        self,
        trial_id: str,
        engine: Engine,
        place: Workplace,
        opened: dict[str, Any],
        core: int | None,
        keep_going: Callable[[], None],
    ) -> None:
        self.trial_id, self.engine, self.place, self.core = trial_id, engine, place, core
        self.order, self.baseline = opened["order"], baseline_from_json(opened["baseline"])
        self.keep_going = keep_going

    def run(self, nominees: list[Champion]) -> dict[str, Any]:
        tested: list[tuple[Champion, Confirmation]] = []
        for champion in nominees:
            self.keep_going()
            if len(tested) == MOST_CHAMPIONS:
                break
            genome = tuple(Edit.parse(text) for text in champion.genome)
            if self._fails_the_suite(champion, genome):
                continue
            tested.append((champion, self._measure(genome, champion)))
            if tested[-1][1].is_gain and tested[-1][1].p_value < ALPHA / MOST_CHAMPIONS:
                break
        return self._conclude(tested)

    def _fails_the_suite(self, champion: Champion, genome: Genome) -> bool:
        limit = 60.0 + 10.0 * self.baseline.suite_seconds
        problem = suite_problem(
            self.place.workshop,
            self.place.apply(genome),
            suite_arguments(self.place.settings),
            limit,
            self.baseline.tests,
        )
        if problem:
            self.engine.progress(f"A winner of the screening is dropped: {problem}.")
            self._record(champion, "refuted", {"reason": problem})
        return bool(problem)

    def _measure(self, genome: Genome, champion: Champion) -> Confirmation:
        rng = random.Random(f"{self.place.config.seed}/confirm/{champion.island}/{champion.sequence}")
        try:
            found = measure_afresh(
                self._fresh,
                self.place.apply(genome),
                self.place.costing,
                rng,
                pairs_each=self.place.confirming_pairs(self.baseline, self.order),
                keep_going=self.keep_going,
            )
        except (CannotOpen, WorkerDied) as error:
            found = Confirmation((), (), (), problem=str(error))
        if found.problem:
            self.engine.progress(f"A champion could not be confirmed: {found.problem}.")
        else:
            self.engine.progress(
                f"A champion of {len(genome)} edits measures {found.speedup:.3f}× on fresh processes "
                f"(p = {found.p_value:.1g})."
            )
        return found

    def _fresh(self, hash_seed: int) -> Pairs:
        return self.place.fresh_pairs(self.baseline, self.order, self.core, hash_seed)

    def _conclude(self, tested: list[tuple[Champion, Confirmation]]) -> dict[str, Any]:
        verdicts = confirmed([confirmation for _, confirmation in tested])
        for (champion, confirmation), accepted in zip(tested, verdicts, strict=True):
            self._record(champion, "confirmed" if accepted else "refuted", {"p_value": confirmation.p_value})
        result: dict[str, Any] = {
            "improved": any(verdicts),
            "confirmations": [
                _shown(champion, confirmation, accepted)
                for (champion, confirmation), accepted in zip(tested, verdicts, strict=True)
            ],
        }
        if any(verdicts):
            champion, confirmation = tested[verdicts.index(True)]
            genome = tuple(Edit.parse(text) for text in champion.genome)
            result |= {
                "island": champion.island,
                "sequence": champion.sequence,
                "fitness": champion.fitness,
                "full_genome": list(champion.genome),
                "genome": [str(edit) for edit in self._minimised(genome)],
                "confirmation": asdict(confirmation),
            }
        return result

    def _minimised(self, genome: Genome) -> Genome:
        screening = self.place.screening_pairs(self.baseline, self.order, self.core, 0)
        fresh = self._fresh(2)
        try:
            minimiser = Minimiser(
                self.place.apply,
                self.place.costing,
                screening,
                fresh,
                random.Random(f"{self.place.config.seed}/minimise"),
                self.keep_going,
                allowed_time(self.place.config),
            )
            kept = minimiser.minimise(genome)
        finally:
            screening.close()
            fresh.close()
        self.engine.progress(f"Minimised: {len(kept)} of {len(genome)} edits are needed.")
        return kept

    def _record(self, champion: Champion, state: Any, details: dict[str, Any]) -> None:
        self.engine.store.champions.put(Champion(**{**vars(champion), "state": state, "details": details}))


def _shown(champion: Champion, confirmation: Confirmation, accepted: bool) -> dict[str, Any]:
    """The fields of a report's ConfirmationReport."""
    shown: dict[str, Any] = {
        "edits": len(champion.genome),
        "accepted": accepted,
        "p_value": confirmation.p_value,
        "problem": confirmation.problem,
    }
    if not confirmation.problem:
        shown |= {"speedup": confirmation.speedup, "speedup_interval": confirmation.speedup_interval}
    return shown
