"""What brings an older store up to the tables of `models.py`; `env.py` is how alembic enters, `versions/` the steps."""
