"""The stages of a trial, one a file; `trial.py` tells them in order. What passes between them lies in the store.

Each stage may be repeated from the start at any time: what it did before is found in the store or done again.
"""
