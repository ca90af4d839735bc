"""What every server of a contract is built of, whatever it serves: who calls and what they may, error bodies, limits,
headers, health, sockets. Nothing here knows the store: what has to be kept is handed in as a function or an object,
so that stubs are built of the same parts. `application.py` puts them together.
"""
