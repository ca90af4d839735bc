"""Every row DEAN keeps, in SQLite (WAL) or PostgreSQL. Plain Python: nothing here imports airflow.

`store.py` holds the `Store`, a facade over one file per kind of row (trials, leases, evaluations, migrants, champions,
patterns, events, documents). `models.py` and `columns.py` are the tables, `migrations/` brings an older store up to
them, `migrate.py` runs it; `database.py` is the only place that opens connections, and `faults.py` turns what
drivers raise into retries or one clear sentence. `maintenance.py` is for the daily cleaning. Of the metrics,
`series.py` knows which there are, `samples.py` keeps samples and rollups, `packing.py` makes them small.
Of deployments, `deployments.py` has what was asked and how it ended, `deployment_steps.py` the journal,
`deployment_locks.py` who may write, `releases.py` what runs, and `validations.py` the validator's reports.
"""
