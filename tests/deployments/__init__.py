"""Deployments to validate: valid ones as texts in `tests/data/deployments`, defects that are seeded into them.

`build` writes one to a directory with its modes, secrets, dates and certificates made on the way.
"""
