"""What decides about a candidate: workers in the sandbox deliver measurements, the judge here draws the conclusions.

Nothing a candidate runs is shared with this side: it sees only JSON numbers and digests, and distrusts those.
"""
