"""The room that improves a program. Plain Python: nothing here imports airflow.

A trial flows target → baseline → edits → judge → search → outcome; `trial.py` holds one function per stage, and
`coordinator.py` runs them all outside Airflow.
"""
