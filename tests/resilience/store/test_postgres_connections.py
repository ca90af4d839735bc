"""PostgreSQL connections cut under a store at work."""

from __future__ import annotations

import os
import random
import threading

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from dean_airflow.store.models import EventRow
from dean_airflow.store.store import Store

if not os.environ.get("DEAN_TEST_POSTGRES"):
    pytest.skip("needs the URL of a PostgreSQL database in DEAN_TEST_POSTGRES", allow_module_level=True)

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("url", ["postgres"], indirect=True)]

TERMINATE = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name")


class Rival:
    """Cuts the connections of one store, which is told apart by its application name."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._name = make_url(url).query["options"].removeprefix("-csearch_path=")
        self.url = make_url(url).update_query_dict({"application_name": self._name}).render_as_string(False)

    def cut(self) -> int:
        """How many connections it cut."""
        with self._engine.connect() as connection:
            return connection.execute(TERMINATE, {"name": self._name}).scalar_one()

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def rival(url: str):
    rival = Rival(url)
    yield rival
    rival.close()


def test_idle_connections_that_were_cut_are_replaced(rival, start, batch):
    with Store.open(rival.url) as store:
        lease = start(store)
        for round_ in range(3):
            store.evaluations.add(lease, batch(8 * round_))
            assert rival.cut() >= 1
            store.leases.renew(lease)
            assert rival.cut() >= 1

        assert store.evaluations.for_island("trial-a", 0) == batch(0, 24)


def test_a_transaction_cut_in_the_middle_is_done_again_whole(rival, start):
    with Store.open(rival.url) as store:
        start(store)
        cuts = []

        def work(session):
            for sequence in (1, 2):
                session.add(
                    EventRow(
                        trial_id="trial-a",
                        sequence=sequence,
                        kind="half",
                        key=str(sequence),
                        data={},
                        created_at=store.now(),
                    )
                )
                session.flush()
                if not cuts:
                    cuts.append(rival.cut())

        store.database.write(work)

        assert cuts == [1]
        assert [event.sequence for event in store.events.since("trial-a")] == [1, 2]


def test_a_writer_cut_at_any_moment_ends_with_everything_kept_once(rival, start, batch):
    with Store.open(rival.url) as store:
        lease = start(store)
        chance = random.Random(25)
        went_on, ended = threading.Event(), threading.Event()
        cuts: list[int] = []

        def cut_often() -> None:
            while len(cuts) < 25 and went_on.wait(60):
                went_on.clear()
                ended.wait(chance.uniform(0.0, 0.01))  # any moment will do
                cuts.append(rival.cut())

        cutting = threading.Thread(target=cut_often)
        cutting.start()
        done = 0
        while cutting.is_alive() or done < 80:
            store.evaluations.add(lease, batch(done))
            store.events.append("trial-a", "generation", {"done": done})
            done += 8
            went_on.set()
        cutting.join()

        assert len(cuts) == 25
        assert sum(cuts) > 0
        assert store.evaluations.for_island("trial-a", 0) == batch(0, done)
        said = store.events.since("trial-a")
        assert [event.data["done"] for event in said] == list(range(0, done, 8))
        assert [event.sequence for event in said] == list(range(1, len(said) + 1))
