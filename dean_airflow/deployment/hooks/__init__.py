"""Programs of the user's that run before and after a rollout.

`section.py` reads the `hooks` of `dean-deployment.yaml`, `runner.py` runs them: as they are written, never by a shell.
"""
