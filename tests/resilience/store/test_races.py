"""Several processes that want the same thing at the same time."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dean_airflow.errors import LeaseHeld, LeaseLost, TrialCancelled
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store

FORK = multiprocessing.get_context("fork")


def race(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(0..count-1)` returned, each in a process of its own, all let go at once."""
    gate = FORK.Barrier(count)
    results = FORK.SimpleQueue()

    def run(number: int) -> None:
        gate.wait(30)
        results.put((number, work(number)))

    racers = [FORK.Process(target=run, args=(number,)) for number in range(count)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * count
    return [result for _, result in sorted(results.get() for _ in racers)]


def test_of_those_who_race_for_a_lease_one_wins(url, start):
    with Store.open(url) as store:
        store.leases.release(start(store))

        def acquire(number: int) -> str:
            try:
                return f"token {store.leases.acquire('trial-a', 0, f'task {number}', timedelta(minutes=5)).token}"
            except LeaseHeld:
                return "held"

        assert sorted(race(4, acquire)) == ["held", "held", "held", "token 2"]


def test_of_two_attempts_of_one_task_only_the_last_writes(url, start, batch):
    with Store.open(url) as store:
        start(store)

        def attempt(number: int) -> int:
            lease = store.leases.acquire("trial-a", 0, "task", timedelta(minutes=5))
            written = 0
            try:
                for round_ in range(20):
                    store.evaluations.add(lease, batch(store.evaluations.count("trial-a", 0), 1 + round_ % 2))
                    written += 1 + round_ % 2
            except LeaseLost:
                pass
            return written

        written = race(3, attempt)

        kept = store.evaluations.for_island("trial-a", 0)
        assert kept == batch(0, len(kept))
        assert len(kept) == sum(written)
        assert max(written) == 30


def test_nothing_is_written_once_a_stop_is_committed(url, start, batch):
    with Store.open(url) as store:
        lease = start(store)

        def work(number: int) -> int:
            if number == 1:
                store.trials.transition("trial-a", "cancelled")
                return store.evaluations.count("trial-a")
            try:
                for sequence in range(100_000):
                    store.evaluations.add(lease, batch(sequence, 1))
            except TrialCancelled:
                return sequence
            raise AssertionError("never refused")

        refused_at, seen_after_the_stop = race(2, work)
        assert refused_at == seen_after_the_stop == store.evaluations.count("trial-a")


def test_a_new_store_opened_by_many_processes_is_made_once(url):
    def open_and_write(number: int) -> str:
        with Store.open(url) as store:
            store.trials.create("trial-same", {"repository": "r"})
            store.events.append("trial-same", "trial_started", key="start")
            store.events.append("trial-same", "heard", {"from": number})
            return store.id

    assert len(set(race(6, open_and_write))) == 1
    with Store.open(url) as store:
        assert store.trials.count() == 1
        events = store.events.since("trial-same")
        assert [event.sequence for event in events] == list(range(1, 8))
        assert sorted(event.data["from"] for event in events if event.kind == "heard") == list(range(6))


def test_trials_that_record_the_same_patterns_at_once_all_count(url):
    names = [f"trial-{number}" for number in range(4)]
    with Store.open(url) as store:
        for name in names:
            store.trials.create(name, {"repository": "r"})

        def record(number: int) -> None:
            for context in ("loop", "regex", "call"):
                store.patterns.record("hoist", context, tried=2, confirmed=1, effects=[-0.5], trial_id=names[number])

        race(4, record)
        assert {(one.tries, one.confirmed_wins, one.mean_effect) for one in store.patterns.list()} == {(8, 4, -0.5)}
        assert len(store.patterns.list()) == 3


def test_samples_written_packed_and_read_at_the_same_time_are_all_there_once(url):
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    later = noon + timedelta(hours=2)
    with Store.open(url, now=lambda: later) as store:
        stopped = threading.Event()
        seen: list[int] = []

        def write(writer: int) -> None:
            history = History(store)
            for number in range(60):
                at = to_ms(noon) + 1000 * number
                labels = [(("n", str(n)), ("writer", str(writer))) for n in range(20)]
                history.append([Sample("shop", "count", float(number), at, one) for one in labels])

        def pack() -> None:
            history = History(store)
            while not stopped.is_set():
                history.roll_up()

        def read() -> None:
            history = History(store)
            while not stopped.is_set():
                found = history.select("count", start=noon, end=later)
                seen.append(sum(len(series.points) for series in found))

        writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        others = [threading.Thread(target=work) for work in (pack, pack, read)]
        for thread in [*writers, *others]:
            thread.start()
        for thread in writers:
            thread.join()
        stopped.set()
        for thread in others:
            thread.join()
        found = History(store).select("count", start=noon, end=later)
    assert len(found) == 60
    assert all([int(value) for _, value in series.points] == list(range(60)) for series in found)
    assert seen == sorted(seen), "a sample that was there was gone for a moment"
