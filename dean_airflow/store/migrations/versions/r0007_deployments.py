"""Deployments with their services, journal and locks; what runs where; reports of the validator."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "dean_deployment_locks",
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_dean_deployment_locks")),
    )
    op.create_table(
        "dean_deployments",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("backend", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("execution", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending','validating','deploying','verifying','succeeded',"
            "'rolling_back','rolled_back','failed')",
            name=op.f("ck_dean_deployments_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_deployments")),
    )
    op.create_index(op.f("ix_dean_deployments_created_at"), "dean_deployments", ["created_at"], unique=False)
    op.create_index(
        op.f("ix_dean_deployments_place_created_at"), "dean_deployments", ["place", "created_at"], unique=False
    )
    op.create_table(
        "dean_releases",
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=250), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("previous_release", sa.String(length=64), nullable=True),
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place", "service", name=op.f("pk_dean_releases")),
    )
    op.create_table(
        "dean_validations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(length=64), nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dean_validations")),
    )
    op.create_index(op.f("ix_dean_validations_at"), "dean_validations", ["at"], unique=False)
    op.create_table(
        "dean_deployment_services",
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=250), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=True),
        sa.Column("previous_release", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("health", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending','deploying','deployed','unchanged','rolled_back','rollback_failed','failed')",
            name=op.f("ck_dean_deployment_services_state"),
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["dean_deployments.id"],
            name=op.f("fk_dean_deployment_services_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "service", name=op.f("pk_dean_deployment_services")),
    )
    op.create_table(
        "dean_deployment_steps",
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(length=250), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('intent','done','failed','compensated')", name=op.f("ck_dean_deployment_steps_state")
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["dean_deployments.id"],
            name=op.f("fk_dean_deployment_steps_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "sequence", name=op.f("pk_dean_deployment_steps")),
    )


def downgrade() -> None:
    op.drop_table("dean_deployment_steps")
    op.drop_table("dean_deployment_services")
    op.drop_index(op.f("ix_dean_validations_at"), table_name="dean_validations")
    op.drop_table("dean_validations")
    op.drop_table("dean_releases")
    op.drop_index(op.f("ix_dean_deployments_place_created_at"), table_name="dean_deployments")
    op.drop_index(op.f("ix_dean_deployments_created_at"), table_name="dean_deployments")
    op.drop_table("dean_deployments")
    op.drop_table("dean_deployment_locks")
