"""The tables of what changed: a log by topic, and where each log stands. Triggers write both (see migration 0011)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.models import NAME_LENGTH, Base


class ChangeHeadRow(Base):
    """The newest number of a topic. Whoever writes the next one holds this row until the commit, so that numbers come
    to be seen in their order and without gaps.
    """

    __tablename__ = "dean_change_heads"

    topic: Mapped[str] = mapped_column(String(64), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)


class ChangeRow(Base):
    """`subject` is what changed (a trial, an alert, a deployment), `kind` says how. The newest of a topic are kept."""

    __tablename__ = "dean_changes"
    __table_args__ = (Index(None, "topic", "subject", "sequence"),)

    topic: Mapped[str] = mapped_column(String(64), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    subject: Mapped[str] = mapped_column(String(NAME_LENGTH))
    kind: Mapped[str] = mapped_column(String(32))
    dag_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
