"""Steps of work that touches several services, and what undoes them."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing yet."""
