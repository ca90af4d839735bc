"""Whether a new release is as good as the old one: samples of both, compared metric by metric, and one verdict.

The verdict is pass, fail, or inconclusive where the samples carry neither. Pure statistics, but for the sampling.
"""
