"""What the servers of the service contracts keep: keys, audit, agents, populations, the index."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing yet."""
