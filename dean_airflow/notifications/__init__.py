"""Telling people, from Airflow: DEAN's own notifier, for any DAG's callbacks, and any Airflow notifier as a receiver of
DEAN's alerts. Which alerts are told of, and to whom, is decided in `metrics/alerts`.
"""
