"""Steps of work that touches several services, and what undoes them; what was learnt from services."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "dean_sagas",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('running','completed','compensating','compensated')", name=op.f("ck_dean_sagas_state")
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_sagas_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "attempt", name=op.f("pk_dean_sagas")),
    )
    op.create_table(
        "dean_saga_steps",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('intended','done','undoing','undone','undo_failed')", name=op.f("ck_dean_saga_steps_state")
        ),
        sa.ForeignKeyConstraint(
            ["trial_id", "attempt"],
            ["dean_sagas.trial_id", "dean_sagas.attempt"],
            name=op.f("fk_dean_saga_steps_trial_id_attempt"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("trial_id", "attempt", "name", name=op.f("pk_dean_saga_steps")),
    )
    op.create_table(
        "dean_service_patterns",
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=250), nullable=False),
        sa.Column("trial_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("effectiveness", sa.Double(), nullable=True),
        sa.Column("impact_score", sa.Double(), nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("service", "id", name=op.f("pk_dean_service_patterns")),
    )
    op.create_index(op.f("ix_dean_service_patterns_trial_id"), "dean_service_patterns", ["trial_id"], unique=False)
    op.create_index(op.f("ix_dean_service_patterns_seen_at"), "dean_service_patterns", ["seen_at"], unique=False)
    op.create_table(
        "dean_caches",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dean_caches")),
    )


def downgrade() -> None:
    for table in ("dean_caches", "dean_service_patterns", "dean_saga_steps", "dean_sagas"):
        op.drop_table(table)
