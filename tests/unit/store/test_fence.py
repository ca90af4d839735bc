from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from dean_airflow.errors import LeaseLost, TrialNotFound
from dean_airflow.store.fence import require_lease


@pytest.fixture
def impatient_rival(url):
    """Another program on the same database, which gives up at once where it would have to wait."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 0})
    else:
        options = str(make_url(url).query["options"]) + " -clock_timeout=50ms"
        engine = create_engine(make_url(url).update_query_dict({"options": options}))
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    ["UPDATE dean_trials SET status = 'cancelled'", "UPDATE dean_leases SET token = token + 1"],
    ids=["stop", "take over"],
)
def test_neither_a_stop_nor_a_take_over_gets_between_the_check_and_the_write(store, lease, impatient_rival, change):
    def work(session):
        require_lease(session, lease)
        with pytest.raises(OperationalError, match="lock"):
            execute(impatient_rival, change)

    store.database.write(work)
    execute(impatient_rival, change)


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_only_the_newest_token_of_an_island_that_was_leased_passes(store, trial_id, lease):
    def check(**held):
        store.database.write(lambda session: require_lease(session, SimpleNamespace(**held)) and None)

    check(trial_id=trial_id, island=0, token=lease.token)
    for wrong in ({"token": lease.token - 1}, {"token": lease.token + 1}, {"island": 1}):
        with pytest.raises(LeaseLost):
            check(**({"trial_id": trial_id, "island": 0, "token": lease.token} | wrong))
    with pytest.raises(TrialNotFound):
        check(trial_id="trial-none", island=0, token=lease.token)
