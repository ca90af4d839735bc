"""The Evolution API, real: trials that are started, watched and cancelled over HTTP and run by the embedded engine.

`routes.py` and `socket.py` are the contract; `service.py` is what they ask. A *runner* carries trials out: in a
stand-alone server the `supervisor.py`, which keeps a child process (`child.py`) for each, in Airflow's web server
Airflow itself. `feed.py` turns what the store hears of a trial into frames for sockets.
"""
