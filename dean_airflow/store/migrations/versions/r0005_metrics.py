"""Samples, their rollups and series."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "dean_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=250), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("help", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_series")),
        sa.UniqueConstraint("digest", name=op.f("uq_dean_series_digest")),
    )
    op.create_index(op.f("ix_dean_series_name"), "dean_series", ["name"], unique=False)
    op.create_index(op.f("ix_dean_series_service_seen_at"), "dean_series", ["service", "seen_at"], unique=False)
    op.create_table(
        "dean_samples",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_samples")),
    )
    op.create_table(
        "dean_chunks",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["dean_series.id"], name=op.f("fk_dean_chunks_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "tier", "start", name=op.f("pk_dean_chunks")),
    )
    op.create_index(
        "ix_dean_chunks_unsettled",
        "dean_chunks",
        ["start"],
        unique=False,
        sqlite_where=sa.text("settled = 0"),
        postgresql_where=sa.text("NOT settled"),
    )
    op.create_table(
        "dean_tallies",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dean_tallies")),
    )


def downgrade() -> None:
    for table in ("dean_tallies", "dean_chunks", "dean_samples", "dean_series"):
        op.drop_table(table)
