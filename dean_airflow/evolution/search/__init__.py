"""How candidates come about: the sweep over hot sites, then evolution on an island from what the sweep found.

Proposing, judging and remembering never know each other: the search asks a Recorder, and gets evaluations.
"""
