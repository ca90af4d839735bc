"""What the servers of the service contracts keep: keys, audit, answers, trials they run, agents, populations."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dean_api_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_dean_api_keys_digest")),
    )
    op.create_table(
        "dean_audit",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_audit")),
    )
    op.create_index(op.f("ix_dean_audit_at"), "dean_audit", ["at"], unique=False)
    op.create_table(
        "dean_populations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("best_fitness", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_populations")),
    )
    op.create_table(
        "dean_requests",
        sa.Column("service", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("service", "caller", "key", name=op.f("pk_dean_requests")),
    )
    op.create_index(op.f("ix_dean_requests_created_at"), "dean_requests", ["created_at"], unique=False)
    op.create_table(
        "dean_agents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("population_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("fitness", sa.Double(), nullable=True),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("genome", sa.Text(), nullable=False),
        sa.Column("token_budget", sa.Integer(), nullable=True),
        sa.Column("patterns", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["population_id"], ["dean_populations.id"], name=op.f("fk_dean_agents_population_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_agents")),
    )
    op.create_index(op.f("ix_dean_agents_created_at"), "dean_agents", ["created_at"], unique=False)
    op.create_index(op.f("ix_dean_agents_population_id"), "dean_agents", ["population_id"], unique=False)
    op.create_table(
        "dean_served_trials",
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["dean_trials.id"], name=op.f("fk_dean_served_trials_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", name=op.f("pk_dean_served_trials")),
    )


def downgrade() -> None:
    op.drop_table("dean_served_trials")
    op.drop_index(op.f("ix_dean_agents_population_id"), table_name="dean_agents")
    op.drop_index(op.f("ix_dean_agents_created_at"), table_name="dean_agents")
    op.drop_table("dean_agents")
    op.drop_index(op.f("ix_dean_requests_created_at"), table_name="dean_requests")
    op.drop_table("dean_requests")
    op.drop_table("dean_populations")
    op.drop_index(op.f("ix_dean_audit_at"), table_name="dean_audit")
    op.drop_table("dean_audit")
    op.drop_table("dean_api_keys")
