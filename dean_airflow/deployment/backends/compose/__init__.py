"""Services as containers of Docker Compose: each release is a compose project of its own with one service.

`snapshot.py` makes that project's file from the description, `cli.py` runs the docker command line, `upstream.py`
leads a reverse proxy to a release, and `compose.py` is the backend on them.
"""
