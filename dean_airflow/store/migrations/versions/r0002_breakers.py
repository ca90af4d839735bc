"""Circuit breakers, shared by all processes through the store."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing yet."""
