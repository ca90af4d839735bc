"""Migration: islands offer their champions and take those of others; what was taken when is on record for a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.fence import Held, require_lease
from dean_airflow.store.models import MigrantRow, OfferRow


@dataclass(frozen=True)
class Migrant:
    """A genome (text forms of its edits) with where it came from and the fitness measured there."""

    from_island: int
    from_generation: int
    genome: tuple[str, ...]
    fitness: float


class Migrants:
    def __init__(self, database: Database) -> None:
        self._database = database

    def offer(self, lease: Held, generation: int, genome: Sequence[str], fitness: float) -> None:
        """Offers a champion to the other islands; a generation already offered (a replay) stays as it is.

        Raises TrialNotFound, TrialCancelled, LeaseLost.
        """

        def work(session: Session) -> None:
            require_lease(session, lease)
            if session.get(OfferRow, (lease.trial_id, lease.island, generation)) is None:
                session.add(
                    OfferRow(
                        trial_id=lease.trial_id,
                        island=lease.island,
                        generation=generation,
                        genome=list(genome),
                        fitness=fitness,
                    )
                )

        self._database.write(work)

    def take(self, lease: Held, generation: int) -> Migrant | None:
        """The migrant of this island and generation: the one on record if there is one, and that may be None.

        Otherwise the fittest now on offer from other islands whose genome this island has not taken before (ties: the
        lower island, then the earlier generation), which is put on record. Raises TrialNotFound, TrialCancelled,
        LeaseLost.
        """

        def work(session: Session) -> Migrant | None:
            require_lease(session, lease)
            row = session.get(MigrantRow, (lease.trial_id, lease.island, generation))
            if row is None:
                row = _choose(session, lease, generation)
                session.add(row)
            return _read(row)

        return self._database.write(work)

    def taken(self, trial_id: str, island: int) -> dict[int, Migrant | None]:
        """Everything an island took, by generation."""
        statement = (
            select(MigrantRow)
            .where(MigrantRow.trial_id == trial_id, MigrantRow.island == island)
            .order_by(MigrantRow.generation)
        )
        return self._database.read(lambda session: {row.generation: _read(row) for row in session.scalars(statement)})


def _choose(session: Session, lease: Held, generation: int) -> MigrantRow:
    known = session.scalars(
        select(MigrantRow.genome).where(MigrantRow.trial_id == lease.trial_id, MigrantRow.island == lease.island)
    )
    taken = {tuple(genome) for genome in known if genome is not None}
    offers = session.scalars(
        select(OfferRow)
        .where(OfferRow.trial_id == lease.trial_id, OfferRow.island != lease.island)
        .order_by(OfferRow.fitness.desc(), OfferRow.island, OfferRow.generation)
    )
    row = MigrantRow(trial_id=lease.trial_id, island=lease.island, generation=generation)
    offer = next((offer for offer in offers if tuple(offer.genome) not in taken), None)
    if offer is not None:
        row.from_island, row.from_generation = offer.island, offer.generation
        row.genome, row.fitness = offer.genome, offer.fitness
    return row


def _read(row: MigrantRow) -> Migrant | None:
    if row.from_island is None or row.from_generation is None or row.genome is None or row.fitness is None:
        return None
    return Migrant(row.from_island, row.from_generation, tuple(row.genome), row.fitness)
