"""The checks, one file a family, each row of the reference one function.

A check yields hits; `registry` knows all of them and makes findings of their hits. Checks never print a secret's value,
judge what is written after compose's own merging and filling in, and leave alone what they do not know.
"""
