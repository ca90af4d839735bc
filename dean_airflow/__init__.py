"""DEAN on Airflow: evolves a git repository's code and proves that the result is better.

Kept import-light, because Airflow imports every provider package in every process.
"""

__version__ = "0.1.0"
