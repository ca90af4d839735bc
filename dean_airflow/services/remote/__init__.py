"""A trial that another DEAN runs: started there, followed, taken back where it fails, and mirrored in our own store so
that commands, pages and results know it like any other trial.
"""
