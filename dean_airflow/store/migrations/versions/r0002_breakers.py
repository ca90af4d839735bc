"""Circuit breakers, shared by all processes through the store."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "dean_circuits",
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_by", sa.String(length=64), nullable=True),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("written_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_total", sa.BigInteger(), nullable=False),
        sa.Column("failed_total", sa.BigInteger(), nullable=False),
        sa.Column("rejected_total", sa.BigInteger(), nullable=False),
        sa.Column("failure_limit", sa.Integer(), nullable=True),
        sa.Column("success_limit", sa.Integer(), nullable=True),
        sa.Column("open_seconds", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('closed','open','half_open')", name=op.f("ck_dean_circuits_state")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dean_circuits")),
    )


def downgrade() -> None:
    op.drop_table("dean_circuits")
