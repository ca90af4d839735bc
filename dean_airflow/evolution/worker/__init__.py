"""The harness that runs inside the sandbox, in the target's own interpreter: standard library only.

`main.py` starts a *zygote*: it imports the target once, then forks a child per candidate, swaps in only what the
candidate changed, and runs the workload there. Nothing here decides anything; it reports raw measurements and digests
to the judge outside. The folder is also importable as part of dean_airflow, for tests and types.
"""
