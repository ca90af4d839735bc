"""IndexAgent, real and small: an index of code (`index/`), and the agents, populations and patterns that the store has.

`routes.py` is the contract, `service.py` what it asks, `standalone.py` a server of its own.
"""
