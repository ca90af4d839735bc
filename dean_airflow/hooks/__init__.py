"""Airflow hooks of the services: they turn a connection into an entry of the service pool, and hold nothing else."""
