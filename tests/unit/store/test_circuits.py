from __future__ import annotations

import threading
from dataclasses import replace

from dean_airflow.store.circuits import Circuit, Tally


def test_one_that_is_not_known_is_closed(store):
    assert store.circuits.get("x") == Circuit("x")
    assert store.circuits.list() == []


def test_what_is_put_is_read_back(store, clock):
    opened = replace(Circuit("x", url="http://x"), state="open", failures=5, opened_at=clock(), last_failure="no")
    done, written = store.circuits.put(opened, "w1", Tally(1, 2, 3))
    assert done and written.version == 1
    assert store.circuits.get("x") == written
    assert replace(written, version=0, changed_at=None, succeeded_total=0, failed_total=0, rejected_total=0) == opened
    assert (written.succeeded_total, written.failed_total, written.rejected_total) == (1, 2, 3)


def test_who_read_before_the_last_change_does_not_overwrite_it(store):
    _, first = store.circuits.put(Circuit("x", failures=1), "w1")
    store.circuits.put(replace(first, failures=2), "w2")
    done, current = store.circuits.put(replace(first, failures=9), "w3")
    assert (done, current.failures, current.version) == (False, 2, 2)


def test_a_change_repeated_after_a_lost_connection_is_made_once(store):
    change = Circuit("x", failures=1)
    store.circuits.put(change, "w1", Tally(failed=1))
    done, written = store.circuits.put(change, "w1", Tally(failed=1))
    assert (done, written.version, written.failed_total) == (True, 1, 1)


def test_many_writers_lose_no_failure(store):
    def work() -> None:
        for number in range(10):
            while True:
                current = store.circuits.get("x")
                me = f"{threading.get_ident()}-{number}"
                if store.circuits.put(replace(current, failures=current.failures + 1), me)[0]:
                    break

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.circuits.get("x").failures == 40


def test_totals_are_added_without_touching_the_state(store):
    store.circuits.put(Circuit("x", url="u", failures=3), "w1")
    for _ in range(2):  # as after a lost connection
        store.circuits.add([("x", "u", Tally(succeeded=2)), ("new", "v", Tally(failed=1))], "w2")
    found, new = store.circuits.get("x"), store.circuits.get("new")
    assert (found.failures, found.succeeded_total) == (3, 2)
    assert (new.url, new.state, new.failed_total) == ("v", "closed", 1)


def test_a_reset_closes_and_keeps_totals_and_limits(store, clock):
    store.circuits.configure("x", "w0", failure_limit=3, success_limit=None, open_seconds=7.5)
    current = store.circuits.get("x")
    store.circuits.put(replace(current, state="open", failures=3, opened_at=clock()), "w1", Tally(failed=3))
    assert store.circuits.reset("x", "w2")
    found = store.circuits.get("x")
    assert (found.state, found.failures, found.failed_total) == ("closed", 0, 3)
    assert (found.failure_limit, found.success_limit, found.open_seconds) == (3, None, 7.5)
    assert not store.circuits.reset("unknown", "w3")
