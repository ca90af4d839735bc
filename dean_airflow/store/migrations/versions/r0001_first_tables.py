"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "dean_patterns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=250), nullable=False),
        sa.Column("context", sa.String(length=250), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("confirmed_wins", sa.Integer(), nullable=False),
        sa.Column("effect_sum", sa.Double(), nullable=False),
        sa.Column("effect_count", sa.Integer(), nullable=False),
        sa.Column("first_trial_id", sa.String(length=64), nullable=False),
        sa.Column("discovered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_patterns")),
        sa.UniqueConstraint("kind", "context", name=op.f("uq_dean_patterns_kind_context")),
    )
    op.create_index(op.f("ix_dean_patterns_last_used_at"), "dean_patterns", ["last_used_at"], unique=False)
    op.create_table(
        "dean_store",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_store")),
    )
    op.create_table(
        "dean_trials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("stop_reason", sa.String(length=32), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("execution", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_generation", sa.Integer(), nullable=False),
        sa.Column("best_fitness", sa.Double(), nullable=False),
        sa.Column("improvements", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IS NULL OR status = 'completed'", name=op.f("ck_dean_trials_outcome")),
        sa.CheckConstraint(
            "status IN ('pending','initializing','running','monitoring','completed','failed','cancelled')",
            name=op.f("ck_dean_trials_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_trials")),
    )
    op.create_index(op.f("ix_dean_trials_created_at"), "dean_trials", ["created_at"], unique=False)
    op.create_index(op.f("ix_dean_trials_dag_id_run_id"), "dean_trials", ["dag_id", "run_id"], unique=False)
    op.create_index(
        op.f("ix_dean_trials_repository_created_at"), "dean_trials", ["repository", "created_at"], unique=False
    )
    op.create_index(op.f("ix_dean_trials_status_created_at"), "dean_trials", ["status", "created_at"], unique=False)
    op.create_table(
        "dean_champions",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("genome", sa.Text(), nullable=False),
        sa.Column("fitness", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_champions_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "island", "sequence", name=op.f("pk_dean_champions")),
    )
    op.create_table(
        "dean_documents",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_documents_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "name", name=op.f("pk_dean_documents")),
    )
    op.create_table(
        "dean_evaluations",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("genome", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fitness", sa.Double(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.Column("ratios", sa.Text(), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("log_ratios", sa.LargeBinary(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_evaluations_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "island", "sequence", name=op.f("pk_dean_evaluations")),
    )
    op.create_index(
        op.f("ix_dean_evaluations_trial_id_fitness"), "dean_evaluations", ["trial_id", "fitness"], unique=False
    )
    op.create_index(
        op.f("ix_dean_evaluations_trial_id_generation"), "dean_evaluations", ["trial_id", "generation"], unique=False
    )
    op.create_table(
        "dean_events",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_events_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "sequence", name=op.f("pk_dean_events")),
        sa.UniqueConstraint("trial_id", "key", name=op.f("uq_dean_events_trial_id_key")),
    )
    op.create_table(
        "dean_leases",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_leases_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "island", name=op.f("pk_dean_leases")),
    )
    op.create_table(
        "dean_migrants",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("from_island", sa.Integer(), nullable=True),
        sa.Column("from_generation", sa.Integer(), nullable=True),
        sa.Column("genome", sa.Text(), nullable=True),
        sa.Column("fitness", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_migrants_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "island", "generation", name=op.f("pk_dean_migrants")),
    )
    op.create_table(
        "dean_observations",
        sa.Column("pattern_id", sa.String(length=64), nullable=False),
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("effect_sum", sa.Double(), nullable=False),
        sa.Column("effect_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pattern_id"], ["dean_patterns.id"], name=op.f("fk_dean_observations_pattern_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_observations_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pattern_id", "trial_id", name=op.f("pk_dean_observations")),
    )
    op.create_index(op.f("ix_dean_observations_trial_id"), "dean_observations", ["trial_id"], unique=False)
    op.create_table(
        "dean_offers",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("genome", sa.Text(), nullable=False),
        sa.Column("fitness", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_offers_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "island", "generation", name=op.f("pk_dean_offers")),
    )


def downgrade() -> None:
    op.drop_table("dean_offers")
    op.drop_table("dean_observations")
    op.drop_table("dean_migrants")
    op.drop_table("dean_leases")
    op.drop_table("dean_events")
    op.drop_table("dean_evaluations")
    op.drop_table("dean_documents")
    op.drop_table("dean_champions")
    op.drop_table("dean_trials")
    op.drop_table("dean_store")
    op.drop_table("dean_patterns")
