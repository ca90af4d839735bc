"""Alert states, notices of their changes, silences, and rules last known to be good."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "dean_alert_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steady_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mixed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_alert_clock")),
    )
    op.create_table(
        "dean_alert_notices",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("group_labels", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_dean_alert_notices")),
    )
    op.create_index(
        op.f("ix_dean_alert_notices_closed_at_created_at"),
        "dean_alert_notices",
        ["closed_at", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_dean_alert_notices_fingerprint_created_at"),
        "dean_alert_notices",
        ["fingerprint", "created_at"],
        unique=False,
    )
    op.create_table(
        "dean_alert_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("good_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_alert_rules")),
    )
    op.create_table(
        "dean_alert_silences",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_early", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_alert_silences")),
    )
    op.create_index(op.f("ix_dean_alert_silences_ends_at"), "dean_alert_silences", ["ends_at"], unique=False)
    op.create_table(
        "dean_alerts",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=250), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_ms", sa.BigInteger(), nullable=False),
        sa.Column("kept_ms", sa.BigInteger(), nullable=True),
        sa.Column("notified", sa.String(length=16), nullable=False),
        sa.Column("muted_by", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('pending','firing','resolved')", name=op.f("ck_dean_alerts_state")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_dean_alerts")),
    )
    op.create_index(op.f("ix_dean_alerts_state_updated_at"), "dean_alerts", ["state", "updated_at"], unique=False)
    op.create_table(
        "dean_alert_deliveries",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("receiver", sa.String(length=250), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key"], ["dean_alert_notices.key"], name=op.f("fk_dean_alert_deliveries_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "receiver", name=op.f("pk_dean_alert_deliveries")),
    )


def downgrade() -> None:
    op.drop_table("dean_alert_deliveries")
    op.drop_table("dean_alerts")
    op.drop_table("dean_alert_silences")
    op.drop_table("dean_alert_rules")
    op.drop_table("dean_alert_notices")
    op.drop_table("dean_alert_clock")
