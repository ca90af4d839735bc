"""The services DEAN works with and can itself be: IndexAgent, the Evolution API and Airflow's own REST API.

Plain Python: nothing here imports airflow.
"""
