"""Measures and watches services and trials: collects samples, keeps and aggregates them, evaluates alerts, exports.

Plain Python: nothing here imports airflow.
"""
