"""Measured claims. `make bench BENCH=name` runs one file of this folder; it prints one JSON line a figure and appends
them to `trend/`, and fails when a figure misses its target.
"""
