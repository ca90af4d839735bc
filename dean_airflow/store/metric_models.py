"""The tables of the metrics: which series there are, their newest samples one by one, and the older ones packed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import Json, SafeText
from dean_airflow.store.models import NAME_LENGTH, Base


class SeriesRow(Base):
    """`digest` is made of service, name and labels; `seen_at` is the hour, in ms since 1970, of its newest samples."""

    __tablename__ = "dean_series"
    __table_args__ = (Index(None, "name"), Index(None, "service", "seen_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    service: Mapped[str] = mapped_column(String(NAME_LENGTH))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    labels: Mapped[list[list[str]]] = mapped_column(Json)
    type: Mapped[str] = mapped_column(String(16))
    help: Mapped[str] = mapped_column(SafeText, default="")
    seen_at: Mapped[int] = mapped_column(BigInteger)


class SampleRow(Base):
    """The newest samples, in the order they came; soon packed. No value: a staleness marker, because SQLite has no NaN.

    Without a foreign key, which would be checked for every sample (only series without samples are ever removed), and
    without an index: it is short, and written more often than read.
    """

    __tablename__ = "dean_samples"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    series_id: Mapped[int]
    time: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float | None] = mapped_column(Double)


class ChunkRow(Base):
    """One series' samples of an hour, its minutes of an hour, or its hours of a week, packed (see `packing`).

    `settled`: nothing has come since the rollups were made of it.
    """

    __tablename__ = "dean_chunks"
    __table_args__ = (
        Index(
            "ix_dean_chunks_unsettled", "start", sqlite_where=text("settled = 0"), postgresql_where=text("NOT settled")
        ),
    )

    series_id: Mapped[int] = mapped_column(ForeignKey("dean_series.id", ondelete="CASCADE"), primary_key=True)
    tier: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    settled: Mapped[bool] = mapped_column(default=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class TallyRow(Base):
    """A number that outlives the rows it counted, such as how many trials were removed."""

    __tablename__ = "dean_tallies"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
