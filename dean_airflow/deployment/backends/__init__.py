"""What runs services: one small protocol (`backend.py`), and the backends behind it.

`process/` runs them as processes of this machine under one supervisord a deployment directory.
"""
