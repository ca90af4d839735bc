"""One island: a function of its seed, its measurements and its migrants."""

from __future__ import annotations

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.evolution.search.diversity import diversity
from dean_airflow.evolution.search.limits import SEARCH_SHARE, allowances
from dean_airflow.evolution.search.population import ELITE, Individual, survivors
from dean_airflow.evolution.search.recorder import Allowance
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.search.worlds import Computing, World, edit

WORTHS = {0: -0.05, 1: -0.04, 2: 0.03, 3: -0.03, 4: 0.0, 5: -0.02, 6: 0.1, 7: -0.01, 8: 0.01, 9: -0.06}


def world(**fields) -> World:
    return World(Computing(dict(WORTHS)), **fields)


def test_the_same_seed_and_measurements_give_the_same_run():
    one, two = world(params={"seed": 4}), world(params={"seed": 4})
    assert one.run() == two.run()
    assert one.history == two.history
    assert one.generations == two.generations


def test_another_seed_gives_another_run():
    one, two = world(params={"seed": 4}), world(params={"seed": 5})
    one.run(), two.run()
    assert one.history != two.history


def test_randomness_of_others_does_not_matter():
    import random

    one, two = world(), world()
    random.seed(1)
    one.run()
    random.seed(2)
    before = random.getstate()
    two.run()
    assert one.history == two.history
    assert random.getstate() == before


def test_the_best_is_found_and_never_lost():
    seen = world(params={"generations": 15})
    seen.run()
    best = [generation.best_fitness for generation in seen.generations]
    assert best == sorted(best)
    assert [generation.number for generation in seen.generations] == list(range(16))
    optimum = Computing(WORTHS).judge(tuple(edit(n) for n, worth in WORTHS.items() if worth < 0), {}, None)
    assert best[-1] == pytest.approx(optimum.fitness)


@pytest.mark.parametrize("edits", [0, 1, 2, 3, 12, 200])
def test_the_population_keeps_its_size_however_few_edits_there_are(edits, monkeypatch):
    sizes = set()
    seen = world(edits=edits)
    island = seen.island()
    summary = island._summary

    def counting(population, *rest):
        sizes.add(len(population))
        return summary(population, *rest)

    monkeypatch.setattr(island, "_summary", counting)
    island.run()
    assert sizes == {10}


def test_an_elite_keeps_its_measured_value_and_is_judged_once():
    seen = world()
    seen.run()
    assert len(seen.judge.asked) == len(set(seen.judge.asked)) == len(seen.recorder.history)
    assert seen.recorder.repeats > 0


def test_survivors_keep_the_cheapest_first():
    judge = Computing(dict(WORTHS))
    individuals = []
    for number in range(10):
        genome = (edit(number), edit(20 + number))
        individuals.append(Individual(genome, judge.judge(genome, {"a.py": str(number)}, None)))
    kept = survivors(individuals, 5)
    assert [one.genome[0] for one in kept[:ELITE]] == [edit(9), edit(0)]
    assert len(kept) == 5
    assert len(survivors([*individuals[:2]] * 4, 5)) == 5


def test_too_little_diversity_is_raised_at_once_and_spares_the_elite():
    seen = world(edits=60, params={"mutation_rate": 0.0})
    island = seen.island()
    clones = [island._individual((edit(9),)) for _ in range(10)]
    clones[1] = island._individual((edit(0), edit(9)))
    island.generation = 1
    elite = [one.genome for one in clones[:ELITE]]
    before = diversity([one.genome for one in clones])
    after, injected = island._keep_diverse(clones)
    assert before < 0.3 <= diversity([one.genome for one in after])
    assert injected >= 3
    assert [one.genome for one in after[:ELITE]] == elite


def test_enough_diversity_is_left_alone():
    island = world(edits=60).island()
    population = [island._individual((edit(number),)) for number in range(10)]
    assert island._keep_diverse(population) == (population, 0)


def test_diversity_stays_above_its_threshold_in_every_generation():
    seen = world(edits=60, params={"generations": 12})
    seen.run()
    assert all(generation.diversity >= 0.3 for generation in seen.generations[1:])


def test_what_nothing_can_diversify_has_converged():
    seen = world(edits=0, params={"generations": 50})
    assert seen.run() == "converged"
    assert len(seen.generations) < 10


def test_stop_reasons():
    assert world(params={"fitness_threshold": 0.1}).run() == "fitness"
    assert world(params={"generations": 1}).run() == "generations"
    few = world(allowance=Allowance(7, 1e9))
    assert few.run() == "evaluations"
    assert len(few.recorder.history) == 7
    assert world(allowance=Allowance(10_000, 0.0)).run() == "runtime"


def test_limits_are_shared_out_to_the_last_evaluation():
    config = TrialConfig(repository="r", max_evaluations=11, max_runtime_minutes=10)
    shares = allowances(config, 3)
    assert [share.evaluations for share in shares] == [4, 4, 3]
    assert sum(share.seconds for share in shares) == pytest.approx(600 * SEARCH_SHARE)
    assert len({share.seconds for share in shares}) == 1


@pytest.mark.parametrize("kept", [0, 1, 5, 17, 40])
def test_a_resumed_island_goes_on_as_if_nothing_had_happened(kept):
    whole = world(params={"seed": 3})
    whole.run()
    first_half = whole.recorder.history[:kept]
    resumed = world(params={"seed": 3}, recorded=first_half)
    resumed.run()
    assert resumed.history == whole.history
    assert resumed.generations == whole.generations
    assert len(resumed.judge.asked) == len(whole.history) - kept
    assert [row[0] for row in resumed.kept] == list(range(kept, len(whole.history)))


def test_a_record_of_another_search_is_refused():
    other = world(params={"seed": 8})
    other.run()
    with pytest.raises(StoreError, match="start a new trial"):
        world(params={"seed": 9}, recorded=other.recorder.history[15:]).run()


def test_migrants_are_offered_and_taken_in():
    foreign = (edit(30), edit(31))
    alone = world(number=0, count=2, params={"migration": 2})
    alone.run()
    assert [row[0] for row in alone.offered] == [2, 4, 6, 8]
    visited = world(number=0, count=2, params={"migration": 2}, taken={2: foreign})
    visited.judge.worths |= {30: -0.5, 31: -0.5}
    visited.run()
    joined = [one.genome for one in visited.recorder.history if str(edit(30)) in one.genome]
    assert joined[0] == tuple(map(str, foreign))
    assert set(joined[1]) > set(map(str, foreign))
    assert visited.generations[-1].best_fitness > alone.generations[-1].best_fitness + 0.3
    again = world(number=0, count=2, params={"migration": 2}, taken={2: foreign})
    again.judge.worths |= {30: -0.5, 31: -0.5}
    again.run()
    assert again.history == visited.history


def test_without_migration_nobody_is_asked():
    seen = world(number=1, count=2, params={"migration": 0}, taken={2: (edit(30),)})
    seen.run()
    assert seen.offered == []
    assert not any(str(edit(30)) in one.genome for one in seen.recorder.history)


def test_islands_with_migration_divide_the_sweep():
    swept = []
    for number in (0, 1):
        island = world(number=number, count=2).island()
        island._sweep()
        swept.append({one.genome for one in island.recorder.history})
    assert swept[0].isdisjoint(swept[1])
    assert swept[0] | swept[1] == {(str(edit(number)),) for number in range(12)}
