"""What each topic tells, read from real stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position, read_position
from dean_airflow.feed.source import Source, UnknownTopic
from dean_airflow.feed.store_sources import StoreSources
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.change_models import ChangeRow
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import open_trial

Judge = Callable[[int, int], None]


def source(store: Store, topic: str) -> Source:
    return StoreSources(store).open(topic)


def head(source: Source) -> Position:
    position = source.head()
    assert position is not None
    return position


def since(source: Source, after: Position) -> Sequence[Frame]:
    frames = source.between(after, head(source))
    assert frames is not None
    return frames


def summed(frames: Sequence[Frame]) -> dict[str, Any]:
    """What a page adds up."""
    total: dict[str, Any] = {"evaluations": 0, "verdicts": Counter(), "generations": {}, "events": []}
    for frame in frames:
        data = frame.data
        total["evaluations"] += data["evaluations"]
        total["verdicts"].update(data["verdicts"])
        total["events"] += [event["sequence"] for event in data["events"]]
        for one in data["generations"]:
            known = total["generations"].setdefault(one["generation"], [Counter(), []])
            known[0].update(one["verdicts"])
            known[1] += [value for value in (one["best_fitness"], one["best_cost"]) if value is not None]
            assert one["evaluations"] == sum(one["verdicts"].values())
    return total


@pytest.mark.parametrize("topic", ["", "nonsense", "trial:", "trial:../x", "trial:" + "x" * 65, "trial", "services:x"])
def test_what_is_no_topic(store: Store, topic: str) -> None:
    with pytest.raises(UnknownTopic):
        source(store, topic)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25), st.booleans()), min_size=1, max_size=6))
def test_frames_add_up_to_what_the_store_has(
    store: Store, trial_id: str, judge: Judge, steps: list[tuple[int, int, bool]]
) -> None:
    topic = source(store, "trial:trial-a")
    at = head(topic)
    frames = list(topic.snapshot(at))
    for island, count, generation in steps:
        if count:
            judge(island, count)
        if generation:
            store.events.append(trial_id, "generation", {"island": island})
        frames += since(topic, at)
        at = head(topic)

    kept = [numbered.evaluation for _, numbered in store.evaluations.for_trial(trial_id)]
    total = summed(frames)
    assert total["evaluations"] == len(kept)
    assert total["verdicts"] == Counter(one.verdict for one in kept)
    assert total["events"] == [event.sequence for event in store.events.since(trial_id)]
    assert total == {**summed(topic.snapshot(at)), "generations": total["generations"]}
    assert {number: one[0] for number, one in total["generations"].items()} == {
        number: one[0] for number, one in summed(topic.snapshot(at))["generations"].items()
    }


def test_what_a_trials_frame_tells(store: Store, trial_id: str, judge: Judge) -> None:
    topic = source(store, "trial:trial-a")
    judge(0, 12)
    judge(1, 30)
    before = head(topic)
    judge(1, 1)
    store.trials.transition(trial_id, "completed", outcome="improved")
    (frame,) = since(topic, before)

    assert (frame.type, frame.topic, frame.position) == ("trial_progress", "trial:trial-a", head(topic))
    assert frame.data["trial"]["status"] == "completed"
    assert frame.data["trial"]["name"] == "somewhere"
    assert [(one["island"], one["sequence"]) for one in frame.data["candidates"]] == [(1, 30)]
    assert frame.data["generations"] == [
        {"generation": 3, "evaluations": 1, "verdicts": {"win": 1}, "best_fitness": 0.1, "best_cost": 0.9}
    ]
    (snapshot,) = topic.snapshot(head(topic))
    assert len(snapshot.data["candidates"]) == 20
    assert (snapshot.type, snapshot.data["evaluations"]) == ("snapshot", 43)
    assert read_position(frame.text.split('"position":"')[1].split('"')[0], store.id) == frame.position


def test_a_snapshot_has_nothing_newer_than_its_position(store: Store, trial_id: str, judge: Judge) -> None:
    topic = source(store, "trial:trial-a")
    judge(0, 5)
    store.events.append(trial_id, "generation", {})
    at = head(topic)
    judge(0, 5)
    judge(1, 5)
    store.events.append(trial_id, "generation", {})

    total = summed(topic.snapshot(at))
    assert (total["evaluations"], total["events"]) == (5, [1])
    rest = summed(since(topic, at))
    assert (rest["evaluations"], rest["events"]) == (10, [2])


def test_a_trial_that_goes_and_comes_again(store: Store, trial_id: str, judge: Judge) -> None:
    topic = source(store, "trial:trial-a")
    judge(0, 5)
    before = head(topic)
    store.database.write(lambda session: session.execute(delete(TrialRow)))

    assert topic.head() is None
    assert (topic.gone().type, topic.gone().last) == ("trial_removed", True)
    open_trial(store, trial_id)
    assert topic.between(before, head(topic)) is None  # so a snapshot is told instead


def test_which_dag_a_topic_is_of(store: Store) -> None:
    open_trial(store, "trial-own", dag_id="somebodys_dag")

    assert source(store, "trial:trial-own").dag == "somebodys_dag"
    assert source(store, "trial:trial-none").dag is None
    assert source(store, "alerts").dag == "dean_metrics_collection"
    assert source(store, "deployment:d").dag == "dean_deployment"


def test_the_list_of_trials(store: Store) -> None:
    topic = source(store, "trials")
    begun = head(topic)
    open_trial(store, "trial-a")
    open_trial(store, "trial-b", dag_id="somebodys_dag")
    for number in range(1, 5):
        lease = store.leases.acquire("trial-a", 0, "task", timedelta(minutes=1))
        store.trials.progress(lease, number, number / 10)
    store.trials.transition("trial-a", "completed", outcome="improved")
    frames = since(topic, begun)

    assert [(frame.type, (frame.data["trial"]["trial_id"])) for frame in frames] == [
        ("trial_update", "trial-a"),
        ("trial_started", "trial-a"),
        ("trial_update", "trial-a"),
        ("trial_update", "trial-b"),
        ("trial_started", "trial-b"),
        ("trial_update", "trial-b"),
        ("trial_update", "trial-a"),  # of four advances the newest
        ("trial_completed", "trial-a"),
    ]
    assert frames[-1].position == head(topic)
    assert {frame.dag for frame in frames} == {None, "somebodys_dag"}
    first, *under_way = topic.snapshot(head(topic))
    assert (first.type, first.data) == ("snapshot", {"under_way": 1})
    assert [(frame.data["trial"]["trial_id"], frame.dag) for frame in under_way] == [("trial-b", "somebodys_dag")]


def test_a_trial_that_was_removed_meanwhile(store: Store, trial_id: str) -> None:
    topic = source(store, "trials")
    before = head(topic)
    store.trials.transition(trial_id, "cancelled")
    store.database.write(lambda session: session.execute(delete(TrialRow)))

    assert {(frame.type, frame.data["trial_id"]) for frame in since(topic, before)} == {("trial_removed", "trial-a")}


def test_changes_that_are_not_kept_any_more_cannot_be_told(store: Store, trial_id: str) -> None:
    topic = source(store, "trials")
    store.database.write(lambda session: session.execute(delete(ChangeRow).where(ChangeRow.sequence == 1)))

    assert topic.between(Position((0,)), head(topic)) is None
    assert topic.between(Position((9,)), head(topic)) is None


def test_alerts_and_silences(store: Store) -> None:
    from dean_airflow.store.alerts import AlertRecord

    topic, now = source(store, "alerts"), store.now()
    before = head(topic)
    alert = AlertRecord(
        "f1", "Down", {"service": "shop"}, "critical", "shop is down", "firing", 0.0, now, now, None, now
    )
    store.alerts.transact(now, lambda book: book.alerts.update(f1=alert))
    made = store.silences.add({"service": "shop"}, timedelta(hours=1), "work", "ann")
    store.alerts.transact(now, lambda book: book.alerts.clear())

    assert [(frame.data["fingerprint"], frame.data["change"]) for frame in since(topic, before)] == [
        ("f1", "firing"),
        (None, "silence"),
        ("f1", "removed"),
    ]
    assert made.id not in str([frame.data for frame in since(topic, before)])
    assert topic.snapshot(head(topic))[0].data == {"alerts": []}


def test_what_was_collected(store: Store) -> None:
    services, metrics = source(store, "services"), source(store, "metrics")
    before = head(services)
    now = store.now()
    History(store).append(
        [
            Sample("shop", "dean_service_health", 1.0, to_ms(now), ()),
            Sample("shop", "orders", float("inf"), to_ms(now), (("region", "north"),)),
        ]
    )
    assert head(services) != before
    (status,), (values,) = since(services, before), since(metrics, before)

    assert (status.type, status.data["status"]) == ("status_update", "healthy")
    assert status.data["services"] == {"shop": {"status": "healthy", "latency_ms": None}}
    assert values.data["services"]["shop"]["metrics"]['orders{region="north"}'] == float("inf")
    assert '"+Inf"' in values.text


def test_deployments(store: Store) -> None:
    everything = source(store, "deployments")
    before = head(everything)
    for name in ("a", "b"):
        store.deployments.create(
            f"deployment-{name}", place=name, host="h", directory="/d", name=name, environment="production"
        )
    one = source(store, "deployment:deployment-a")
    begun = head(one)
    lock = store.deployment_locks.acquire("a", "deployment-a", timedelta(minutes=1))
    store.deployments.transition(lock, "deployment-a", "validating")
    store.deployments.set_service(lock, "deployment-a", "web", position=1, state="deploying")
    store.deployment_steps.append(lock, "deployment-a", service="web", action="start", state="intent", data={})

    told = since(everything, before)
    assert [(frame.type, frame.data["deployment"]["deployment_id"]) for frame in told] == [
        ("deployment_update", "deployment-b"),
        ("deployment_update", "deployment-a"),
    ]
    (progress,) = since(one, begun)
    assert progress.data["deployment"]["status"] == "validating"
    assert [(step["sequence"], step["action"]) for step in progress.data["steps"]] == [(1, "start")]
    assert [service["state"] for service in progress.data["services"]] == ["deploying"]
    assert since(one, head(one))[0].data["steps"] == []
