"""The room that proves a deployment before it replaces another. Plain Python: nothing here imports airflow.

`description/` reads what a directory says (compose files, env files, proxies, `dean-deployment.yaml`), each value with
its file and line; `checks/` judges it, one file a family; `probes/` asks the machine; `validator.py` puts
them together, and `report.py` says what came out.
"""
