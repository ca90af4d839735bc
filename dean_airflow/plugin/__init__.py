"""DEAN's pages inside Airflow's web server: a FastAPI app mounted at /dean, open to whom Airflow's auth manager lets
see the runs of `dean_evolution_trial`. `dean_plugin` is all that other Airflow processes load.
"""
