"""Secrets and their rotation: a new one is made, accepted beside the old, put to use, proven; then the old one ends.

`rotation.py` takes the steps, on record in the store's journal, so that a crash anywhere is gone on from or taken back.
What is rotated is a `Target`: the signing keys of DEAN's servers, or a value in a file (or wherever a `Holder` keeps
one) that an `Authority`, such as PostgreSQL, accepts. `section.py` reads which secrets a deployment has.
"""
