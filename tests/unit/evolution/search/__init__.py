"""The search against a judge that is a function of the files."""
