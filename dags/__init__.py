"""The DAGs this package ships, one a file. Installed as `dean_airflow.shipped_dags`."""
