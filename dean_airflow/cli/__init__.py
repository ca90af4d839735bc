"""`airflow dean ...`: what an administrator does beside the UI. `definition` says which commands there are and is all
that other Airflow commands load; the rest is imported when its command runs.
"""
