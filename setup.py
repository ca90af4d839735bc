"""setup.cfg describes the package; only this cannot be said there: the DAGs' folder is a package of it."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["dean_airflow", "dean_airflow.*"]), "dean_airflow.shipped_dags"],
    package_dir={"dean_airflow": "dean_airflow", "dean_airflow.shipped_dags": "dags"},
)
