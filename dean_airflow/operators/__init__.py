"""Operators: what Airflow runs. Each is thin: it finds the trial's id and the engine, calls one stage of
`dean_airflow.evolution.trial`, and translates its errors.
"""
