"""Taking a deployment from what runs to what is wanted, so that what is left is always one of the two.

`stages.py` are the functions that a task or a command calls, one after another. Below them: `journal.py` writes down
each step before and after it, `actions.py` is what each step does and what takes it back, `undoing.py` takes a whole
deployment back, `recovery.py` does so with what a crash left, `verify.py` looks whether a release is healthy,
`backups.py` keeps what was there before, `holding.py` keeps the lock. `means.py` is what all of them work with,
`state.py` what must be equal before and after.
"""
