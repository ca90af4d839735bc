"""One index that answers every list of candidates and every count of verdicts, in place of the one by generation."""

from alembic import op

revision = "0010"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "ix_dean_evaluations_listed",
        "dean_evaluations",
        ["trial_id", "generation", "island", "verdict", "stage", "fitness", "cost", "sequence"],
        unique=False,
    )
    op.drop_index("ix_dean_evaluations_trial_id_generation", table_name="dean_evaluations")
