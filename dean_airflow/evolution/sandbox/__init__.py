"""The room every process of a target is locked in.

`jail.py` says what a jailed process may see and use, `sandbox.py` chooses the level and runs commands; the levels are
`full.py` (bubblewrap), `basic.py` (Landlock and seccomp) and `off.py`. What each contains is in
`docs/explanation/threat-model.md`.
"""
