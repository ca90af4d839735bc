"""Triggers: what waits in Airflow's triggerer while a task is deferred, and what wakes DAGs up on a remote trial."""
