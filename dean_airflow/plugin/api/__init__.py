"""DEAN's own REST API, below `/dean/api/v1`: what its pages show and what programs ask; routes that ask the store,
or Airflow on the caller's behalf, and models of what they answer. Who may see what is `plugin/permissions.py`'s.
"""
