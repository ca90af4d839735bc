"""Templates of a deployment's files: `{{ name }}`, filled in by Jinja in a sandbox and a process of its own.

`render.py` reads what is to be rendered and asks; `child.py` is the program that renders.
"""
