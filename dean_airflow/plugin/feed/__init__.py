"""The live feed in Airflow's web server: who is admitted, the sockets, and the same frames for who cannot have one."""
