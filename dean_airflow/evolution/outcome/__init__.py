"""What a trial hands over: a branch with one commit per edit, a patch and a bundle; and its removal again.

`edits.py` says what is handed over, `commits.py` builds it in a private repository, `publish.py` delivers it and
`branches.py` finds and removes the branches DEAN made.
"""
