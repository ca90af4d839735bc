"""The target of a trial: where it is, a private checkout of it, how it is installed, tested and measured.

`resolve` names the commit, `fetch` makes a working tree of it, `detect` finds its settings and `environment`
builds the virtual environment it runs in. `git.py` is the only module of DEAN that runs git.
"""
